"""Downstream tasks: scores outside the leaderboard as a function of skills."""
