"""Strategies, one per file: how candidates are chosen.

A strategy handles names and numbers only. Its decisions follow from its options and the recorded
results, so that a killed sweep continues as if it had not been interrupted.
"""
