"""Scorers: importance of each channel of each group; higher is more important."""
