"""Latency of models whose time is known, because they sleep."""

from __future__ import annotations

import gc
import time

import pytest
import torch
from torch import Tensor, nn

from paretoprune.config.groups.measure import MeasureSettings
from paretoprune.measure.latency.latency import measure_latency

CPU = torch.device("cpu")
SETTINGS = MeasureSettings(
    latency_batch_size=5, latency_threads=1, latency_repeats=20, latency_warmup=2
)


class Sleeper(nn.Module):
    """Takes `milliseconds`, and ten times as long at every tenth call; notes what it sees."""

    def __init__(self, name: str, milliseconds: float, calls: list[str]) -> None:
        super().__init__()
        self.name, self.milliseconds, self.calls = name, milliseconds, calls
        self.seen: list[tuple[object, ...]] = []

    def forward(self, x: Tensor) -> Tensor:
        self.calls.append(self.name)
        self.seen.append((len(x), torch.get_num_threads(), self.training, x.is_inference()))
        slow = len(self.seen) % 10 == 0
        time.sleep(self.milliseconds / 1e3 * (10 if slow else 1))
        return x


def test_median_p95_and_throughput() -> None:
    model = Sleeper("model", 2.0, [])
    latency = measure_latency(model, torch.rand(1, 3), SETTINGS, device=CPU)
    assert 2.0 <= latency.latency_ms < 18.0  # however busy the machine is
    assert latency.latency_p95_ms >= 18.0  # two of twenty passes are slow
    assert latency.throughput_per_s == pytest.approx(5 / latency.latency_ms * 1e3)
    assert latency.dense_latency_ms is None


def test_the_dense_model_is_timed_in_turn() -> None:
    calls: list[str] = []
    dense, model = Sleeper("dense", 4.0, calls), Sleeper("model", 1.0, calls)
    latency = measure_latency(model, torch.rand(2, 3), SETTINGS, device=CPU, dense=dense)
    assert calls == ["dense", "model"] * 22
    assert latency.dense_latency_ms is not None
    assert latency.dense_latency_ms > 2 * latency.latency_ms


def test_batch_threads_and_modes() -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        model = Sleeper("model", 0.0, []).train()
        measure_latency(model, torch.rand(8, 3), SETTINGS, device=CPU)
        assert set(model.seen) == {(5, 1, False, False)}
        assert torch.get_num_threads() == 2
        assert model.training and gc.isenabled()
    finally:
        torch.set_num_threads(threads)


def test_threads_are_restored_after_an_error() -> None:
    threads = torch.get_num_threads()
    settings = MeasureSettings(latency_threads=threads + 1)
    with pytest.raises(RuntimeError):
        measure_latency(nn.Linear(2, 2), torch.rand(1, 3), settings, device=CPU)
    assert torch.get_num_threads() == threads
    assert gc.isenabled()
