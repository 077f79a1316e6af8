"""Terminal output: progress, tables and plots."""
