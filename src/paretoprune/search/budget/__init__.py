"""Budgets: limits, training time, and its allocation to sizes."""
