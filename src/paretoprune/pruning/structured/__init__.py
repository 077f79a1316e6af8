"""Structured pruning: plans of channels, their application, masks, proof and files."""
