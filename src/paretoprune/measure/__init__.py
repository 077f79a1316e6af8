"""Measuring a model: quality, parameters, MACs, bytes and latency, one file per quantity."""

from __future__ import annotations

from paretoprune.measure.assemble import combine
from paretoprune.measure.bytes import count_bytes
from paretoprune.measure.comparison import compare
from paretoprune.measure.interval import wilson_interval
from paretoprune.measure.latency import measure_latency
from paretoprune.measure.macs import count_macs, macs_per_layer
from paretoprune.measure.params import count_params
from paretoprune.measure.quality import Predictions, measure_quality, predict, quality_of

__all__ = [
    "Predictions",
    "combine",
    "compare",
    "count_bytes",
    "count_macs",
    "count_params",
    "macs_per_layer",
    "measure_latency",
    "measure_quality",
    "predict",
    "quality_of",
    "wilson_interval",
]
