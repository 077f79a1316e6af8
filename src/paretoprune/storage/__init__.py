"""Persistence: atomic files, the sweep lock, the content-addressed cache, the sweep folder."""
