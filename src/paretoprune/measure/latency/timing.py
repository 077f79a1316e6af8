"""Timing passes in turn, so that all of them see the same weather on the machine."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch

Clock = Callable[[], float]  # seconds
Pass = Callable[[], object]  # done when it returns


def time_in_turn(passes: Sequence[Pass], rounds: int, *, clock: Clock) -> list[list[float]]:
    """Milliseconds of `rounds` calls of each pass, one call of each per round."""
    times_ms: list[list[float]] = [[] for _ in passes]
    with _no_garbage_collection():
        for _ in range(rounds):
            for run, times in zip(passes, times_ms, strict=True):
                start = clock()
                run()
                times.append((clock() - start) * 1e3)
    return times_ms


def clock_for(device: torch.device, threads: int) -> Clock:
    """The clock to compare times by. With one thread on a CPU what others do does not count."""
    return time.thread_time if device.type == "cpu" and threads == 1 else time.perf_counter


def wait(device: torch.device) -> None:
    """Until the device has done all that was asked of it: work on a GPU runs on its own."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


@contextmanager
def threads_set(count: int) -> Iterator[None]:
    """Inside, torch computes with `count` threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """A collection in the middle of a pass would be counted as the pass's time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
