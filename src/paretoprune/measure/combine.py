"""All measurements of one model combined, with its gains over the dense model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from paretoprune.measure.bit_operations import float_bit_operations
from paretoprune.results import Cost, Metrics
from paretoprune.results.measurements import Latency


def combine(
    quality: Mapping[str, float],
    cost: Cost,
    *,
    size_bytes: int,
    stored_bytes: int | None = None,
    latency: Latency | None = None,
    dense: Metrics | None = None,
) -> Metrics:
    """Return all metrics of a model, with compression and speed-ups if `dense` is given.

    The measured speed-up requires a latency with interleaved passes of the dense model. The latency
    is then normalised by the dense model's, so that models timed at different moments are
    comparable.
    """
    if latency and dense:
        latency = _normalised(latency, dense)
    return Metrics(
        quality=quality,
        params=cost.params,
        macs=cost.macs,
        bops=float_bit_operations(cost.macs),
        size_bytes=size_bytes,
        stored_bytes=stored_bytes,
        latency_ms=latency.latency_ms if latency else None,
        latency_p95_ms=latency.latency_p95_ms if latency else None,
        throughput_per_s=latency.throughput_per_s if latency else None,
        dense_latency_ms=latency.dense_latency_ms if latency else None,
        compression_ratio=_gain(dense.params, cost.params) if dense else None,
        theoretical_speedup=_gain(dense.macs, cost.macs) if dense else None,
        measured_speedup=latency.speedup if latency else None,
        time_spread=latency.spread if latency else None,
        contention=latency.contention if latency else None,
    )


def _normalised(latency: Latency, dense: Metrics) -> Latency:
    """Scale the latency to a run in which the dense model takes its reference latency."""
    if dense.latency_ms is None or latency.speedup is None:
        return latency
    normalised_ms = dense.latency_ms / latency.speedup
    scale = normalised_ms / latency.latency_ms
    return replace(
        latency,
        latency_ms=normalised_ms,
        latency_p95_ms=latency.latency_p95_ms * scale,
        throughput_per_s=latency.throughput_per_s / scale,
        dense_latency_ms=dense.latency_ms,
    )


def _gain(dense: float | None, pruned: float) -> float | None:
    return None if dense is None or not pruned else dense / pruned
