"""Checks that a variant of your own keeps its contract, and a network to try strategies on."""
