"""Clocks that count the work of a forward pass and exclude other programs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

Pass = Callable[[], object]  # a forward pass; may return before a GPU has finished


@dataclass(frozen=True)
class Clock:
    """Measures the seconds of a pass.

    `seconds(run)` runs a pass and returns its seconds once its work is done. With `threads` above 1
    these are summed over the computing threads, at most that many at once. `cpu` is True for
    processor time, which does not grow on a busy machine.
    """

    seconds: Callable[[Pass], float]
    threads: int = 1
    cpu: bool = True


def clock_for(device: torch.device, threads: int, *, own_threads: bool = False) -> Clock:
    """Return the clock for passes on `device`, computed with `threads` threads on a CPU.

    One thread is measured by its thread time; several, or those that an engine starts itself
    (`own_threads`), by process time. A CUDA device is measured by its events, other devices by wall
    time.
    """
    if device.type == "cuda":
        return Clock(lambda run: _cuda_seconds(run, device), cpu=False)
    if device.type != "cpu":  # no event timer
        return Clock(lambda run: _waited_seconds(run, device), cpu=False)
    if threads == 1 and not own_threads:
        return Clock(lambda run: _seconds(run, time.thread_time))
    return Clock(lambda run: _seconds(run, time.process_time), threads)


def wait(device: torch.device) -> None:
    """Synchronise with the device: work on a GPU is asynchronous."""
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
    """Time between two events on the device, which a busy CPU does not lengthen."""
    with torch.cuda.device(device):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        begin.record()
        run()
        end.record()
        end.synchronize()
    return float(begin.elapsed_time(end)) / 1e3
