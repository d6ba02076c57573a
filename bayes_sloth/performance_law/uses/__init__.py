"""What the Performance Law is used for: each use takes a fit and returns a result to print."""
