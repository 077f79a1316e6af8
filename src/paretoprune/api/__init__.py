"""The Python API: searches, picks and tables for objects that exist already."""
