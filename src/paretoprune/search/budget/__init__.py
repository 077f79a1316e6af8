"""Budgets: limits of candidates, prediction of training time, allocation of time to sizes."""
