"""Putting all that was measured of one model together, with its gains over the dense model."""

from __future__ import annotations

from paretoprune.results import Cost, Latency, Metrics, Quality


def combine(
    quality: Quality,
    cost: Cost,
    *,
    size_bytes: int,
    stored_bytes: int | None = None,
    latency: Latency | None = None,
    dense: Metrics | None = None,
) -> Metrics:
    """All metrics of a model; compression and speed-ups where the dense model is known.

    The measured speed-up needs a latency that was timed together with the dense model's. Then
    the latency is told in the weather in which the dense model itself was measured, so that models
    that were timed at different moments compare.
    """
    if latency and dense:
        latency = _in_the_weather_of(dense, latency)
    return Metrics(
        accuracy=quality.accuracy,
        top5_accuracy=quality.top5_accuracy,
        precision=quality.precision,
        recall=quality.recall,
        f1=quality.f1,
        loss=quality.loss,
        calibration_error=quality.calibration_error,
        params=cost.params,
        macs=cost.macs,
        size_bytes=size_bytes,
        stored_bytes=stored_bytes,
        latency_ms=latency.latency_ms if latency else None,
        latency_p95_ms=latency.latency_p95_ms if latency else None,
        throughput_per_s=latency.throughput_per_s if latency else None,
        dense_latency_ms=latency.dense_latency_ms if latency else None,
        compression_ratio=_gain(dense.params, cost.params) if dense else None,
        theoretical_speedup=_gain(dense.macs, cost.macs) if dense else None,
        measured_speedup=_gain(latency.dense_latency_ms, latency.latency_ms) if latency else None,
    )


def _in_the_weather_of(dense: Metrics, latency: Latency) -> Latency:
    """The latency scaled so that the dense model timed beside it takes what it took alone."""
    if dense.latency_ms is None or latency.dense_latency_ms is None:
        return latency
    scale = dense.latency_ms / latency.dense_latency_ms
    return Latency(
        latency_ms=latency.latency_ms * scale,
        latency_p95_ms=latency.latency_p95_ms * scale,
        throughput_per_s=latency.throughput_per_s / scale,
        dense_latency_ms=dense.latency_ms,
    )


def _gain(dense: float | None, pruned: float) -> float | None:
    return None if dense is None or not pruned else dense / pruned
