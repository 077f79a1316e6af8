"""Allocation of a target size to the groups: how much to remove from each."""
