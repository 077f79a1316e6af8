"""Targets: the signatures of the classes and functions, and reasons why one must not be called."""
