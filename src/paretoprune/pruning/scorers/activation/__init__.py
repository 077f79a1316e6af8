"""Scorers based on activations of calibration samples."""
