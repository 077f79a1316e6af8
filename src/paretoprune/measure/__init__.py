"""Measurement of models: quality, parameters, MACs, bytes and latency, one file per quantity."""
