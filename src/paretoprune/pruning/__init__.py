"""Pruning: dependency groups of channels, importance scores, and models with channels removed.

Order of calls: `find_groups`, a scorer, `widths_for` and `make_plan`, `apply_plan`, and
`check_equivalence` before any training.
"""
