"""Sentences about settings that are wrong."""
