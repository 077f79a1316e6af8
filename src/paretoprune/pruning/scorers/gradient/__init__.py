"""Scorers by gradients of the loss."""
