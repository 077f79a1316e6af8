"""Interleaved timing of passes, whose ratios are robust against changes of the machine's load."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import torch
from numpy.typing import NDArray

from paretoprune.measure.latency.clocks import Clock, Pass

Floats = NDArray[np.float64]

_LEAST_MS = 1e-6  # lower bound, against division by zero with a coarse clock
_SURE = 0.01  # target standard error of a median ratio
_FEW = 5  # rounds, whose minimum times form a pair
_MOST_BLOCKS, _ENOUGH_S = 8, 2.0  # limits of `time_until_sure`: blocks, and seconds


@dataclass(frozen=True)
class Ratio:
    """Median of paired ratios, and their spread: half the interquartile range over the median.

    Half of the ratios lie within about `median * (1 - spread)` to `median * (1 + spread)`.
    """

    median: float
    spread: float


@dataclass(frozen=True)
class Times:
    """Milliseconds of interleaved passes, of shape (rounds, passes).

    `contention` is wall time over counted time: 1 on an idle machine, None if the clock does not
    count processor time.
    """

    ms: Floats
    contention: float | None = None

    def median_ms(self, index: int) -> float:
        """Return the median time of one pass."""
        return float(np.median(self.ms[:, index]))

    def least_ms(self, index: int) -> float:
        """Return the minimum time of one pass."""
        return float(self.ms[:, index].min())

    def p95_ms(self, index: int) -> float:
        """Return the 95th percentile of one pass."""
        return float(np.percentile(self.ms[:, index], 95))

    def ratio(self, index: int, other: int) -> Ratio:
        """Return the ratio of one pass to another, over pairs.

        A pair consists of the minimum times of both in a few consecutive rounds: a slowdown of all
        these rounds cancels, and a disturbance of one of them (caches used by another program) only
        lengthens it.
        """
        least = self._least_of_few()
        return _summary(least[:, index] / least[:, other])

    @property
    def error(self) -> float:
        """Largest standard error of a median ratio to the first pass; with one pass its own.

        That of the median of n normal values, by their quartiles: 1.253 sigma / sqrt(n).
        """
        least = self._least_of_few()
        spreads = [self.ratio(i, 0).spread for i in range(1, least.shape[1])] or [self.spread(0)]
        return float(1.253 / 0.6745 * max(spreads) / np.sqrt(len(least)))

    def spread(self, index: int) -> float:
        """Return half the interquartile range of one pass over its median."""
        return _summary(self._least_of_few()[:, index]).spread

    def _least_of_few(self) -> Floats:
        """Return the minimum of each pass in each few rounds, of shape (rounds // _FEW, passes)."""
        few = min(_FEW, len(self.ms))
        whole = self.ms[: len(self.ms) // few * few]
        least: Floats = whole.reshape(-1, few, whole.shape[1]).min(axis=1)
        return least


def time_in_turn(passes: Sequence[Pass], rounds: int, *, clock: Clock) -> Times:
    """Time `rounds` calls of each pass, interleaved: one of each per round.

    The order is reversed in every other round, so that no pass always follows the same one. With
    several threads, a pass's time is the summed thread time divided by the degree of parallelism,
    taken from the round in which that was highest.
    """
    counted_ms, wall_ms = (np.zeros((rounds, len(passes))) for _ in range(2))
    with _no_garbage_collection():
        for number in range(rounds):
            order = range(len(passes)) if number % 2 == 0 else reversed(range(len(passes)))
            for index in order:
                start = perf_counter()
                counted_ms[number, index] = clock.seconds(passes[index]) * 1e3
                wall_ms[number, index] = (perf_counter() - start) * 1e3
    at_once = counted_ms.sum(axis=1) / np.maximum(wall_ms.sum(axis=1), _LEAST_MS)
    ms = np.maximum(counted_ms / min(max(1.0, float(at_once.max())), clock.threads), _LEAST_MS)
    return Times(ms, max(1.0, float(wall_ms.sum() / ms.sum())) if clock.cpu else None)


def time_until_sure(passes: Sequence[Pass], rounds: int, *, clock: Clock) -> Times:
    """Time blocks of `rounds` rounds until the ratios are precise: a busy machine takes more."""
    begun = perf_counter()
    blocks = [time_in_turn(passes, rounds, clock=clock)]
    while (times := _joined(blocks)).error > _SURE:
        if len(blocks) == _MOST_BLOCKS or perf_counter() - begun > _ENOUGH_S:
            break
        blocks.append(time_in_turn(passes, rounds, clock=clock))
    return times


def _joined(blocks: Sequence[Times]) -> Times:
    weights = [block.ms.sum() for block in blocks]
    known = [block.contention for block in blocks if block.contention is not None]
    contention = float(np.average(known, weights=weights)) if known else None
    return Times(np.concatenate([block.ms for block in blocks]), contention)


@contextmanager
def threads_set(count: int) -> Iterator[None]:
    """Inside, torch computes with `count` threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _summary(values: Floats) -> Ratio:
    low, median, high = np.percentile(values, (25, 50, 75))
    return Ratio(float(median), float((high - low) / 2 / median))


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Disable garbage collection inside: it would count as time of a pass."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
