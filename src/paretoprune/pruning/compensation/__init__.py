"""Compensation: updates of the remaining weights that reconstruct each layer's outputs, without
training.
"""
