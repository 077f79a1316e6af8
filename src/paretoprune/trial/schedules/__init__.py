"""Schedules, one per file: when a trial carries out its plan. `parts/` holds their common steps."""
