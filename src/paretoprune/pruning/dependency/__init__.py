"""Dependency analysis: which channels can be removed only together, with its proof."""
