"""Latency of models whose time is known, because they compute for that long."""

from __future__ import annotations

import copy
import gc
import time
from statistics import median

import pytest
import torch
from torch import Tensor, nn

from paretoprune.config.groups.measure import MeasureSettings
from paretoprune.measure.latency.clocks import clock_for
from paretoprune.measure.latency.engines import engine_named
from paretoprune.measure.latency.latency import measure_latency, time_models
from paretoprune.measure.latency.timing import time_until_sure
from paretoprune.models import resnet20
from paretoprune.tasks.inputs import inputs_of
from tests.kits.burners import burning

CPU = torch.device("cpu")
SETTINGS = MeasureSettings(
    latency_batch_size=5, latency_threads=1, latency_repeats=20, latency_warmup=2
)


class Worker(nn.Module):
    """Computes for `milliseconds`, ten times as long at every tenth call; notes what it sees."""

    def __init__(self, name: str, milliseconds: float, calls: list[str]) -> None:
        super().__init__()
        self.name, self.milliseconds, self.calls = name, milliseconds, calls
        self.seen: list[tuple[object, ...]] = []

    def forward(self, x: Tensor) -> Tensor:
        self.calls.append(self.name)
        self.seen.append((len(x), torch.get_num_threads(), self.training, x.is_inference()))
        slow = len(self.seen) % 10 == 0
        end = time.thread_time() + self.milliseconds / 1e3 * (10 if slow else 1)
        while time.thread_time() < end:
            pass
        time.sleep(0.002)  # others have the processor
        return x


def test_median_p95_and_throughput() -> None:
    model = Worker("model", 2.0, [])
    latency = measure_latency(model, torch.rand(1, 3), SETTINGS, device=CPU)
    assert latency.latency_ms == pytest.approx(2.0, rel=0.3)  # however busy the machine is
    assert latency.latency_p95_ms >= 18.0  # two of twenty passes are slow
    assert latency.throughput_per_s == pytest.approx(5 / latency.latency_ms * 1e3)
    assert latency.dense_latency_ms is None and latency.speedup is None
    assert latency.contention is not None and latency.contention > 1.4


def test_the_dense_model_is_timed_in_turn() -> None:
    calls: list[str] = []
    dense, model = Worker("dense", 4.0, calls), Worker("model", 1.0, calls)
    latency = measure_latency(model, torch.rand(2, 3), SETTINGS, device=CPU, dense=dense)
    assert calls[:6] == ["model", "dense", "dense", "model", "model", "dense"]
    assert calls.count("model") == calls.count("dense") >= 22
    assert latency.dense_latency_ms == pytest.approx(4.0, rel=0.3)
    assert latency.speedup == pytest.approx(4.0, rel=0.3)


@pytest.mark.timeout(300)
def test_on_a_busy_machine_a_model_is_as_fast_as_its_copy() -> None:
    """Two processes burn all the time that they get; by the clock on the wall .03 to 47 were seen.

    Three readings each, since other programs may run here: their median is within 5 %.
    """
    model = resnet20(num_classes=10, in_channels=1)
    twin, batch = copy.deepcopy(model), torch.rand(16, 1, 8, 8)
    settings = MeasureSettings(latency_batch_size=16, latency_repeats=40)
    with burning(2):
        readings = [
            measure_latency(model, batch, settings, device=CPU, dense=twin) for _ in range(3)
        ]
        first_ms, second_ms = time_models([model, twin], batch, threads=1)
    assert median(one.speedup or 0.0 for one in readings) == pytest.approx(1.0, abs=0.05)
    assert all(one.contention is not None and one.contention > 1.2 for one in readings)
    assert second_ms / first_ms == pytest.approx(1.0, abs=0.1)


@pytest.mark.timeout(300)
def test_on_a_busy_machine_an_engine_times_a_model_as_its_copy() -> None:
    batch, engine = inputs_of(torch.rand(16, 1, 8, 8)), engine_named("onnxruntime")
    converted = engine.convert(resnet20(num_classes=10, in_channels=1).eval(), batch)
    passes = [engine.load(converted, batch, 1) for _ in range(2)]
    with burning(2):
        clock = clock_for(CPU, 1, own_threads=True)
        readings = [time_until_sure(passes, 40, clock=clock).ratio(0, 1) for _ in range(3)]
    assert median(reading.median for reading in readings) == pytest.approx(1.0, abs=0.05)


def test_batch_threads_and_modes() -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        model = Worker("model", 0.0, []).train()
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
