"""Texts as token ids: docstrings of installed packages, for use without a network."""
