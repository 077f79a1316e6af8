"""Rounding to few bits: weights for a compact file, weights and activations for integer kernels."""
