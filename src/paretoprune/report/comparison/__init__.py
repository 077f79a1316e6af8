"""Comparison of sweeps: their fronts with one yardstick, and the page that overlays them."""
