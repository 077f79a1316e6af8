"""Digests of data, by which cached results are known."""
