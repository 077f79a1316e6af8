"""Allocations of a single run's target to the groups: one file per method."""
