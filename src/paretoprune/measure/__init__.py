"""Measuring a model: quality, parameters, MACs, bytes and latency, one file per quantity."""

from __future__ import annotations

from paretoprune.measure.assemble import combine
from paretoprune.measure.bytes import count_bytes
from paretoprune.measure.calibration import Calibration, Check, calibrate, check
from paretoprune.measure.compare import compare_running
from paretoprune.measure.device import device_name
from paretoprune.measure.disagreement import compare_predictions
from paretoprune.measure.engines import ENGINES
from paretoprune.measure.forecast import Forecast
from paretoprune.measure.interval import wilson_interval
from paretoprune.measure.latency import measure_latency, time_models
from paretoprune.measure.layers import Layer, trace_layers
from paretoprune.measure.macs import count_macs, macs_per_layer
from paretoprune.measure.params import count_params
from paretoprune.measure.quality import Predictions, measure_quality, predict, quality_of
from paretoprune.measure.table import LatencyTable, measure_table

__all__ = [
    "ENGINES",
    "Calibration",
    "Check",
    "Forecast",
    "LatencyTable",
    "Layer",
    "Predictions",
    "calibrate",
    "check",
    "combine",
    "compare_predictions",
    "compare_running",
    "count_bytes",
    "count_macs",
    "count_params",
    "device_name",
    "macs_per_layer",
    "measure_latency",
    "measure_quality",
    "measure_table",
    "predict",
    "quality_of",
    "time_models",
    "trace_layers",
    "wilson_interval",
]
