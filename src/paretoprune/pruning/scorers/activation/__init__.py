"""Scorers by activations of calibration samples."""
