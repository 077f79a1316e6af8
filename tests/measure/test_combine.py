"""All metrics together, with the gains over the dense model."""

from __future__ import annotations

from paretoprune.measure.combine import combine
from paretoprune.results import Cost, Metrics
from paretoprune.results.measurements import Latency

QUALITY = {"accuracy": 90.0, "top5_accuracy": 99.0, "loss": 0.4}
COST = Cost(params=50, macs=200)
SIZES = {"params": 50, "macs": 200, "bops": 200 * 32 * 32}


def test_everything_that_was_measured_is_there() -> None:
    latency = Latency(2.0, 3.0, 500.0, 5.0, speedup=2.5, spread=0.1, contention=1.2)
    dense = Metrics(params=100, macs=800)
    metrics = combine(QUALITY, COST, size_bytes=321, latency=latency, dense=dense)
    times = {"latency_ms": 2.0, "latency_p95_ms": 3.0, "throughput_per_s": 500.0}
    times |= {"dense_latency_ms": 5.0, "time_spread": 0.1, "contention": 1.2}
    expected = QUALITY | SIZES | times | {"size_bytes": 321}
    gains = {"compression_ratio": 2.0, "theoretical_speedup": 4.0, "measured_speedup": 2.5}
    assert metrics.measured() == expected | gains


def test_without_latency_and_dense_model_there_are_no_gains() -> None:
    metrics = combine(QUALITY, COST, size_bytes=1)
    assert metrics.measured().keys() == {*QUALITY, *SIZES, "size_bytes"}


def test_a_latency_measured_alone_gives_no_speedup() -> None:
    latency = Latency(2.0, 3.0, 500.0)
    metrics = combine(QUALITY, COST, size_bytes=1, latency=latency, dense=Metrics(params=100))
    assert metrics.measured_speedup is None
    assert metrics.theoretical_speedup is None
    assert metrics.compression_ratio == 2.0


def test_a_latency_is_normalised_by_the_dense_model_timed_in_turn_with_it() -> None:
    """The machine was twice as slow as when the dense model was measured."""
    latency = Latency(2.0, 3.0, 500.0, dense_latency_ms=8.0, speedup=4.0)
    dense = Metrics(params=100, macs=800, latency_ms=4.0)
    metrics = combine(QUALITY, COST, size_bytes=1, latency=latency, dense=dense)
    assert (metrics.latency_ms, metrics.latency_p95_ms) == (1.0, 1.5)
    assert metrics.throughput_per_s == 1000.0
    assert metrics.dense_latency_ms == 4.0
    assert metrics.measured_speedup == 4.0


def test_the_speedup_is_of_paired_passes_not_of_medians() -> None:
    latency = Latency(2.0, 3.0, 500.0, dense_latency_ms=8.0, speedup=5.0)
    dense = Metrics(params=100, macs=800, latency_ms=4.0)
    metrics = combine(QUALITY, COST, size_bytes=1, latency=latency, dense=dense)
    assert metrics.measured_speedup == 5.0
    assert metrics.latency_ms == 4.0 / 5.0


def test_a_latency_needs_no_dense_model_and_a_dense_model_no_latency() -> None:
    latency = Latency(2.0, 3.0, 500.0)
    assert combine(QUALITY, COST, size_bytes=1, latency=latency).latency_ms == 2.0
    dense = Metrics(params=100, macs=800, latency_ms=4.0)
    alone = combine(QUALITY, COST, size_bytes=1, dense=dense)
    assert alone.latency_ms is None and alone.compression_ratio == 2.0
