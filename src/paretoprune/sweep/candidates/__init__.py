"""Candidates from the settings: the dimensions, and the target of a single run."""
