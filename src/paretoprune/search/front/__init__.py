"""Multi-objective arithmetic: non-dominated sorting, hypervolume, gaps of a front,
diverse subsets."""
