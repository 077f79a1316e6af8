"""Settings of each config group, as frozen dataclasses."""
