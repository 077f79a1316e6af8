"""Compensation: remaining weights updated to reconstruct each layer's outputs, without training."""
