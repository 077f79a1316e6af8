"""Training that drives weights towards zero before they are pruned: one variant per file."""
