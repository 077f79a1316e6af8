"""Scorers based on gradients of the loss."""
