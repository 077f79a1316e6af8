"""Watchers of a running sweep: its trials in the log, its pages and MLflow."""
