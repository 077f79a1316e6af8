"""The search over ratios: candidates, limits, the front, and the study that remembers it all."""
