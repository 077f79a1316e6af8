"""MLflow tracking: an experiment per sweep, with a parent run and one child run per trial."""
