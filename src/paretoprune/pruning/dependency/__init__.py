"""Dependency analysis: groups of channels that can be removed only together, each proved."""
