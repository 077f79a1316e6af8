"""Measuring a model: quality, parameters, MACs, bytes and latency, one file per quantity."""

from __future__ import annotations

from paretoprune.measure.assemble import combine
from paretoprune.measure.bytes import count_bytes
from paretoprune.measure.latency import measure_latency
from paretoprune.measure.macs import count_macs, macs_per_layer
from paretoprune.measure.params import count_params
from paretoprune.measure.quality import measure_quality

__all__ = [
    "combine",
    "count_bytes",
    "count_macs",
    "count_params",
    "macs_per_layer",
    "measure_latency",
    "measure_quality",
]
