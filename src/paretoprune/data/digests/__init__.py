"""Digests of data, which are part of the keys of cached results."""
