"""Structured pruning: plans of channels, applied, masked, proved equal, saved."""
