"""The Optuna study of a sweep; the only home of optuna."""
