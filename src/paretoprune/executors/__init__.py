"""Executors: where trials run. One is given jobs and returns results as they end."""
