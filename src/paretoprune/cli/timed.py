"""How long an exported ONNX file takes in onnxruntime, beside the dense model in the same run."""

from __future__ import annotations

import copy
from time import perf_counter

import numpy as np
from torch import Tensor, nn

from paretoprune.config import MeasureSettings
from paretoprune.errors import ExportError
from paretoprune.graph import onnx_bytes, trace
from paretoprune.measure import ENGINES
from paretoprune.measure.latency import batch_of
from paretoprune.measure.timing import time_in_turn


def dense_onnx(dense: nn.Module, inputs: Tensor) -> bytes | None:
    """The dense model as ONNX; None if it cannot be that."""
    try:
        return onnx_bytes(trace(copy.deepcopy(dense).cpu().eval(), inputs))
    except ExportError:
        return None


def onnx_latencies_ms(
    dense: bytes, pruned: bytes, inputs: Tensor, settings: MeasureSettings
) -> tuple[float, float]:
    """Medians of the dense and of the pruned file, in milliseconds a batch, timed in turn."""
    batch, threads = batch_of(inputs, settings.latency_batch_size), settings.latency_threads
    load = ENGINES["onnxruntime"].load
    passes = [load(content, batch, threads) for content in (dense, pruned)]
    time_in_turn(passes, settings.latency_warmup, clock=perf_counter)
    times_ms = time_in_turn(passes, settings.latency_repeats, clock=perf_counter)
    return float(np.median(times_ms[0])), float(np.median(times_ms[1]))
