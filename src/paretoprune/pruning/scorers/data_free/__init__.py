"""Scorers that need no data: from weights alone."""
