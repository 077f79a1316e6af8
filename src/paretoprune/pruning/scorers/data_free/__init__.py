"""Data-free scorers: from weights alone."""
