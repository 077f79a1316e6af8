"""Timing by a clock that tells exactly what it is told."""

from __future__ import annotations

import gc
import time

import torch

from paretoprune.measure.latency.timing import clock_for, threads_set, time_in_turn


class FakeClock:
    """Stands still but for what passes add."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.order: list[str] = []

    def __call__(self) -> float:
        return self.seconds

    def make_pass(self, name: str, milliseconds: float):
        def run() -> None:
            assert not gc.isenabled()
            self.order.append(name)
            self.seconds += milliseconds / 1e3

        return run


def test_passes_take_turns_and_each_has_its_own_times() -> None:
    clock = FakeClock()
    passes = [clock.make_pass("a", 2.0), clock.make_pass("b", 0.5)]
    times = time_in_turn(passes, 3, clock=clock)
    assert [[round(t, 9) for t in own] for own in times] == [[2.0] * 3, [0.5] * 3]
    assert clock.order == ["a", "b"] * 3
    assert gc.isenabled()


def test_threads_are_set_and_restored() -> None:
    before = torch.get_num_threads()
    with threads_set(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


def test_one_thread_on_a_cpu_is_timed_by_its_own_clock() -> None:
    assert clock_for(torch.device("cpu"), 1) is time.thread_time
    assert clock_for(torch.device("cpu"), 2) is time.perf_counter
    assert clock_for(torch.device("cuda"), 1) is time.perf_counter
