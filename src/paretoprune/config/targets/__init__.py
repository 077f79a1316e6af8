"""Targets: signatures of what they name, and reasons why they must not be called."""
