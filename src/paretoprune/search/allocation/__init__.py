"""Allocations: how much to take from each group for a target size."""
