"""Metrics of tasks: streaming, in float64, the same numbers for any division into batches."""
