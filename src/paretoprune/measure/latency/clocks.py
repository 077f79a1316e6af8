"""Clocks that count the work of a forward pass and exclude other programs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

_THREADS = Path("/proc/self/task")  # Linux
_OF_THREAD = 0b110  # clockid of the scheduler's time of a thread: clock_getcpuclockid(3), Linux
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
    return Clock(lambda run: _seconds(run, _process_clock()), threads)


def wait(device: torch.device) -> None:
    """Synchronise with the device: work on a GPU is asynchronous."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def _seconds(run: Pass, now: Callable[[], float]) -> float:
    start = now()
    run()
    return now() - start


def _process_clock() -> Callable[[], float]:
    """Return the clock of the processor time of all threads.

    Under a limit of processor time (`ulimit -t`) Linux advances the clock of a process by ticks of
    milliseconds; those of its threads stay exact. Threads that end in a pass are then not counted;
    engines keep theirs.
    """
    return _threads_time if _is_limited() and _THREADS.is_dir() else time.process_time


def _is_limited() -> bool:
    try:
        import resource
    except ImportError:  # Windows
        return False
    return resource.getrlimit(resource.RLIMIT_CPU)[0] != resource.RLIM_INFINITY


def _threads_time() -> float:
    """Return the summed seconds of processor time of this process's threads."""
    return sum(_thread_time(int(thread.name)) for thread in _THREADS.iterdir())


def _thread_time(thread: int) -> float:
    try:
        return time.clock_gettime(~thread << 3 | _OF_THREAD)
    except OSError:  # it has ended
        return 0.0


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
