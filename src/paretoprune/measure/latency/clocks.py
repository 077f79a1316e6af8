"""Clocks that count the work of a pass, and not what other programs do beside it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

Pass = Callable[[], object]  # a forward pass; a GPU may still be at work when it returns


@dataclass(frozen=True)
class Clock:
    """Counts the seconds of passes.

    `seconds(run)` runs a pass and returns its seconds when its work is done. With `threads` above 1
    these are summed over the threads that compute, at most so many at once. `cpu` is true if they
    are processor time, which a busy machine does not lengthen.
    """

    seconds: Callable[[Pass], float]
    threads: int = 1
    cpu: bool = True


def clock_for(device: torch.device, threads: int, *, own_threads: bool = False) -> Clock:
    """The clock for passes on `device`, computed with `threads` threads on a CPU.

    One thread is counted by its own clock; several, or those that an engine starts itself
    (`own_threads`), by the clock of the process. A CUDA device counts by its own events.
    """
    if device.type == "cuda":
        return Clock(lambda run: _cuda_seconds(run, device), cpu=False)
    if device.type != "cpu":  # there is no clock of such a device's own work
        return Clock(lambda run: _waited_seconds(run, device), cpu=False)
    if threads == 1 and not own_threads:
        return Clock(lambda run: _seconds(run, time.thread_time))
    return Clock(lambda run: _seconds(run, time.process_time), threads)


def wait(device: torch.device) -> None:
    """Until the device has done all that was asked of it: work on a GPU runs on its own."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def _seconds(run: Pass, now: Callable[[], float]) -> float:
    start = now()
    run()
    return now() - start


def _waited_seconds(run: Pass, device: torch.device) -> float:
    wait(device)
    start = time.perf_counter()
    run()
    wait(device)
    return time.perf_counter() - start


def _cuda_seconds(run: Pass, device: torch.device) -> float:
    """Between two events on the device: a busy CPU that wakes up late does not lengthen it."""
    with torch.cuda.device(device):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        begin.record()
        run()
        end.record()
        end.synchronize()
    return float(begin.elapsed_time(end)) / 1e3
