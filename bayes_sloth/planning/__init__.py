"""Plans from a posterior: reach a target, divide a budget, choose what to measure next."""
