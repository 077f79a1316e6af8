"""The trial rate that the driver of a sweep sustains, and its time per trial as a sweep grows.

    python benchmarks/driver.py                        # both parts, all samplers
    python benchmarks/driver.py rate                   # 64 workers, trials that sleep
    python benchmarks/driver.py growth --samplers tpe  # up to 10,000 trials

`rate` simulates 64 sleeping workers in the driver's process, so that only the driver takes
processor time. In `growth` trials take no time. Both write `study.db`.
"""

from __future__ import annotations

import argparse
import heapq
import time
from collections.abc import Sequence

from stub_sweep import SAMPLERS, result_of, sweep

from paretoprune.executors.attempt import Lost
from paretoprune.executors.interface import Executor
from paretoprune.results import Job, TrialResult

WORKERS = 64


def main() -> None:
    """Print the selected parts."""
    parser = argparse.ArgumentParser()
    parts = {"rate": show_rate, "growth": show_growth}
    parser.add_argument("part", nargs="*", choices=[*parts, []], default=[])
    parser.add_argument("--samplers", nargs="*", choices=SAMPLERS, default=list(SAMPLERS))
    options = parser.parse_args()
    for name in options.part or parts:
        parts[name](options.samplers)


def show_rate(samplers: Sequence[str], *, n_trials: int = 2000, seconds: float = 0.5) -> None:
    """Print the number of trials per second that the driver starts and records."""
    print(
        f"{n_trials} trials of {seconds} s on {WORKERS} workers: {WORKERS / seconds:.0f} a second"
    )
    print("sampler   trials a second   of them at most   driver's processor ms per trial")
    for sampler in samplers:
        begun = time.monotonic()
        course = sweep(Asleep(WORKERS, seconds=seconds), n_trials=n_trials, sampler=sampler)
        rate = n_trials / (course.end - begun)
        cpu_ms = course.cpu_ms_per_trial(0, n_trials)
        print(f"{sampler:8s} {rate:16.0f} {1e3 / cpu_ms:17.0f} {cpu_ms:20.1f}", flush=True)


def show_growth(samplers: Sequence[str], *, n_trials: int = 10_000) -> None:
    """Print the processor time in ms to ask, tell and record a trial, by tenths of a long sweep."""
    for sampler in samplers:
        course = sweep(Asleep(WORKERS, seconds=0), n_trials=n_trials, sampler=sampler)
        tenth = n_trials // 10
        parts = [
            course.cpu_ms_per_trial(first, first + tenth) for first in range(0, n_trials, tenth)
        ]
        print(f"{sampler}: processor ms per trial of each tenth of {n_trials:,}")
        print("  " + " ".join(f"{each:.2f}" for each in parts), flush=True)


class Asleep(Executor):
    """An executor of simulated sleeping workers: results become available without computation."""

    def __init__(self, slots: int, *, seconds: float) -> None:
        self.slots = slots
        self._seconds = seconds
        self._due: list[tuple[float, int, Job]] = []

    def submit(self, job: Job) -> None:
        """Schedule the job to finish after the fixed number of seconds."""
        heapq.heappush(self._due, (time.monotonic() + self._seconds, job.number, job))

    def collect(self) -> TrialResult | Lost:
        """Wait for the job that finishes first."""
        due, _, job = heapq.heappop(self._due)
        time.sleep(max(0.0, due - time.monotonic()))
        return result_of(job)

    def close(self) -> None:
        """Do nothing."""


if __name__ == "__main__":
    main()
