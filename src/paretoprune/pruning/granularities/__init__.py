"""Units that pruning removes: one file each, built from `granularity=...`."""
