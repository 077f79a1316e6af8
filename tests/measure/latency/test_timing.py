"""Timing by a clock that returns the given times."""

from __future__ import annotations

import gc
from itertools import cycle

import numpy as np
import pytest
import torch

from paretoprune.measure.latency.clocks import Clock, Pass
from paretoprune.measure.latency.timing import Times, threads_set, time_in_turn, time_until_sure


class PickSession:
    """Passes that take what they are said to take."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self._seconds = 0.0
        self.clock = Clock(self._run)

    def make_pass(self, name: str, *milliseconds: float) -> Pass:
        times = cycle(milliseconds)

        def run() -> None:
            assert not gc.isenabled()
            self.order.append(name)
            self._seconds = next(times) / 1e3

        return run

    def _run(self, run: Pass) -> float:
        run()
        return self._seconds


def test_passes_take_turns_in_both_orders_and_each_has_its_own_times() -> None:
    session = PickSession()
    passes = [session.make_pass("a", 2.0), session.make_pass("b", 0.5)]
    times = time_in_turn(passes, 3, clock=session.clock)
    np.testing.assert_allclose(times.ms, [[2.0, 0.5]] * 3)
    assert session.order == ["a", "b", "b", "a", "a", "b"]
    assert gc.isenabled()


def test_a_ratio_is_the_median_of_pairs_with_its_spread() -> None:
    """Rounds that are slower as a whole change nothing; quartiles of 1, 2, 3, 4, 5 are 2 and 4."""
    slow = np.repeat([1.0, 10.0, 1.0, 100.0, 1.0], 5)
    times = Times(np.stack([slow * np.repeat([3, 1, 5, 2, 4], 5), slow], axis=1))
    assert times.ratio(0, 1).median == 3.0
    assert times.ratio(0, 1).spread == pytest.approx((4 - 2) / 2 / 3)
    assert times.ratio(1, 1).spread == 0.0
    assert times.median_ms(1) == 1.0 and times.least_ms(0) == 3.0


def test_four_disturbed_rounds_in_five_do_not_change_a_ratio() -> None:
    noise = np.random.default_rng(0).uniform(1, 3, (30, 2))
    noise[::5, 0], noise[3::5, 1] = 1.0, 1.0
    ratio = Times(noise * [6.0, 2.0]).ratio(0, 1)
    assert (ratio.median, ratio.spread) == (3.0, 0.0)
    few = Times(np.array([[6.0, 2.0], [9.0, 2.0]])).ratio(0, 1)
    assert (few.median, few.spread) == (3.0, 0.0)


class Wall:
    """A clock on the wall that advances only while passes are counted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 0.0
        monkeypatch.setattr("paretoprune.measure.latency.timing.perf_counter", lambda: self.seconds)

    def clock(self, counted: float, *walls: float, threads: int = 1, cpu: bool = True) -> Clock:
        """Counts the same for each pass, whatever passes on the wall."""
        passing = cycle(walls)

        def seconds(run: Pass) -> float:
            run()
            self.seconds += next(passing)
            return counted

        return Clock(seconds, threads, cpu)


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    return Wall(monkeypatch)


def nothing() -> None:
    """A pass."""


def test_contention_is_the_time_that_went_by_over_what_was_counted(wall: Wall) -> None:
    busy = time_in_turn([nothing, nothing], 3, clock=wall.clock(0.01, 0.01, 0.05))
    assert busy.contention == pytest.approx(3.0)
    assert time_in_turn([nothing], 3, clock=wall.clock(0.01, 0.01)).contention == pytest.approx(1)
    assert time_in_turn([nothing], 3, clock=wall.clock(0.01, 0.05, cpu=False)).contention is None


def test_the_time_of_several_threads_is_shared_by_those_that_work_at_once(wall: Wall) -> None:
    """Counted are 40 ms, in one round of 20 ms on the wall: two threads were at work."""
    times = time_in_turn([nothing], 3, clock=wall.clock(0.04, 0.02, 0.08, 0.1, threads=4))
    assert times.median_ms(0) == pytest.approx(20.0)
    assert times.contention == pytest.approx(200 / 60)
    times = time_in_turn([nothing], 3, clock=wall.clock(0.04, 0.005, threads=4))
    assert times.median_ms(0) == pytest.approx(10.0)  # no more than there are
    times = time_in_turn([nothing], 3, clock=wall.clock(0.04, 0.08, threads=4))
    assert times.median_ms(0) == pytest.approx(40.0)  # and no less than one


def test_more_rounds_are_timed_until_the_ratio_is_sure() -> None:
    session = PickSession()
    uniform_step = [session.make_pass("a", 1.0), session.make_pass("b", 2.0)]
    assert len(time_until_sure(uniform_step, 10, clock=session.clock).ms) == 10
    # Half of the pairs are between .965 and 1.035: sure to a hundredth after 43 pairs.
    uneven = np.repeat([0.95, 0.97, 1.03, 1.05], 5)
    passes = [session.make_pass("a", *uneven), session.make_pass("b", 1.0)]
    times = time_until_sure(passes, 40, clock=session.clock)
    assert len(times.ms) == 6 * 40 and times.error <= 0.01
    wild = [session.make_pass("a", *np.repeat([0.1, 10.0, 1.0], 5)), session.make_pass("b", 1.0)]
    assert len(time_until_sure(wild, 10, clock=session.clock).ms) == 80


def test_no_more_rounds_are_timed_where_they_take_long(wall: Wall) -> None:
    alternating = iter(cycle(np.repeat([0.1, 0.5], 5)))
    slow = wall.clock(0.0, 0.5)
    clock = Clock(lambda run: slow.seconds(run) + next(alternating))
    assert len(time_until_sure([nothing], 10, clock=clock).ms) == 10


def test_threads_are_set_and_restored() -> None:
    before = torch.get_num_threads()
    with threads_set(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before
