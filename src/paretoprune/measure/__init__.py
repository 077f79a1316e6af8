"""Measuring a model: quality, parameters, MACs, bytes and latency, one file per quantity."""
