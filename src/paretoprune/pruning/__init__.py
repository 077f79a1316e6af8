"""Pruning: which channels hang together, how important they are, and models without some of them.

The way of a model: `find_groups`, a scorer, `widths_for` and `make_plan`, `apply_plan`, and
`check_equivalence` before anything is trained.
"""
