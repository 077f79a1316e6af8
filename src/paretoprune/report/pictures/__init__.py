"""Pictures of fronts and curves."""
