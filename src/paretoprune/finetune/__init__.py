"""Training: the fit of a network, and what goes with pruning it."""
