"""The front: dominance, hypervolume, gaps, spread. Pure arithmetic."""
