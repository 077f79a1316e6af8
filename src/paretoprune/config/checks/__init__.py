"""Validation rules across settings."""
