"""Choosing trials of a front, testing, retraining and delivering them."""
