"""The Optuna study of a sweep; the only package that imports optuna."""
