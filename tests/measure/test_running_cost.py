"""Running cost of models of known size."""

from __future__ import annotations

import sys
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from paretoprune.measure.latency.timing import Times
from paretoprune.measure.running_cost import _energy_mj, compare_running

CPU = torch.device("cpu")
MIB = 2**20


@pytest.mark.timeout(600)  # another process loads torch, which takes a while on a busy machine
def test_all_models_are_measured_beside_the_dense_one() -> None:
    """2048 x 2048 floats are 16 MiB."""
    models = {"dense": nn.Linear(2048, 2048, bias=False), "small": nn.Linear(2048, 8)}
    costs = compare_running(models, torch.rand(3, 2048), engine="torch", threads=1, repeats=10)
    assert list(costs) == ["dense", "small"]
    dense, small = costs["dense"].latency, costs["small"].latency
    assert dense.dense_latency_ms == small.dense_latency_ms == dense.latency_ms
    assert 0 < small.latency_ms <= small.latency_p95_ms
    assert small.throughput_per_s == pytest.approx(3e3 / small.latency_ms)
    if sys.platform == "linux":
        grown = {name: cost.peak_memory_bytes for name, cost in costs.items()}
        assert grown["dense"] is not None and grown["small"] is not None
        assert 15 * MIB < grown["dense"] - grown["small"] < 64 * MIB


@pytest.mark.timeout(600)
def test_onnxruntime_runs_them_too() -> None:
    """A layer with 250 times the work takes longer; the memory is that of the engine alone."""
    models = {"dense": nn.Linear(2048, 2048, bias=False), "small": nn.Linear(2048, 8)}
    batch = torch.rand(1, 2048)
    costs = compare_running(models, batch, engine="onnxruntime", threads=1, repeats=10)
    assert costs["small"].latency.latency_ms < costs["dense"].latency.latency_ms
    if sys.platform == "linux":
        grown = {name: cost.peak_memory_bytes for name, cost in costs.items()}
        assert grown["dense"] is not None and grown["small"] is not None
        assert 15 * MIB < grown["dense"] - grown["small"] < 128 * MIB


def test_energy_is_that_of_one_pass_of_each_model() -> None:
    """Three and five millijoules for each pass; the block of a slow pass has fewer of them."""
    used = [0.0]
    passes = [partial(_draw, used, millijoules) for millijoules in (3.0, 5.0)]
    times = Times(np.array([[50.0, 100.0]]), contention=1.0)
    found = _energy_mj(passes, times, lambda: used[0], CPU)
    assert found == pytest.approx([3.0, 5.0])
    assert used[0] == pytest.approx(3 * (6 * 3.0 + 3 * 5.0))
    busy = Times(times.ms, contention=1.6)
    assert _energy_mj(passes, busy, lambda: used[0], CPU) == []
    assert _energy_mj(passes, times, None, CPU) == []


def _draw(used: list[float], millijoules: float) -> None:
    used[0] += millijoules
