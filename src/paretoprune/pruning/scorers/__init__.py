"""Scorers: how important each channel of each group is, higher for more important."""
