"""Kept weights updated after pruning so that each layer's outputs change least; no training."""
