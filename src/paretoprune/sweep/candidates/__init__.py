"""Candidates that settings name: the dimensions, and the target of a single run."""
