"""MLflow as a view of the sweep: one experiment, a parent run, and a child run per trial."""
