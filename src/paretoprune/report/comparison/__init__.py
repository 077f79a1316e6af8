"""Comparison of sweeps: their fronts on one common scale, and the page that overlays them."""
