"""Quantization: weights rounded for a compact file, weights and activations for integer kernels."""
