"""What more workers give, and what the driver sustains.

    python benchmarks/scaling.py                  # all parts
    python benchmarks/scaling.py speed-up         # 1 and 2 workers, trials that compute
    python benchmarks/scaling.py driver           # 64 workers, trials that sleep
    python benchmarks/scaling.py growth           # ask, tell and record up to 10,000 trials

`speed-up` runs trials of a fixed amount of arithmetic in as many processes as there are cores.
`driver` lets 64 slots sleep, so that nothing but the driver takes processor time. `growth` has no
workers at all and measures the processor time of the driver's own steps.
"""

from __future__ import annotations

import argparse
import heapq
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from paretoprune.config import SearchSettings, SparsitySettings, Target
from paretoprune.executors import Evaluate, Executor, Lost
from paretoprune.executors.processes import Processes
from paretoprune.results import Cost, EpochRecord, GroupInfo, Job, Metrics, TrialResult
from paretoprune.search import Full, Ledger
from paretoprune.sweep import Problem, run_sweep
from paretoprune.sweep_folder import SweepFolder

GROUPS = tuple(GroupInfo(f"g{index}", 64) for index in range(12))
SAMPLERS = {
    "random": Target(path="optuna.samplers.RandomSampler"),
    "tpe": Target(path="optuna.samplers.TPESampler", arguments={"multivariate": True}),
}


def main() -> None:
    """Print the parts that were asked for."""
    parser = argparse.ArgumentParser()
    parts: dict[str, Callable[[], None]] = {
        "speed-up": show_speed_up,
        "driver": show_driver,
        "growth": show_growth,
    }
    parser.add_argument("part", nargs="*", choices=[*parts, []], default=[])
    for name in parser.parse_args().part or parts:
        parts[name]()


def show_speed_up(*, n_trials: int = 12) -> None:
    """Trials that keep a core busy for five seconds and more, by 1 and 2 workers."""
    rounds = calibrate(5.0)
    seconds = {}
    for workers in (1, 2):
        executor = Processes(Busy(rounds), workers=workers)
        executor_started = time.monotonic()
        stamps = sweep(executor, n_trials=n_trials, sampler="random")
        executor.close()
        # From the first result on: starting the workers is no part of a long sweep.
        seconds[workers] = (stamps[-1] - stamps[workers - 1]) / (n_trials - workers)
        print(
            f"{workers} workers: {seconds[workers]:.2f} s per trial, first result after "
            f"{stamps[0] - executor_started:.1f} s"
        )
    print(f"speed-up with 2 workers: {seconds[1] / seconds[2]:.2f}, on {os.cpu_count()} cores")


def show_driver(*, n_trials: int = 2000, slots: int = 64) -> None:
    """How many trials a second the driver hands out and takes back, with 64 workers asleep."""
    for sampler in SAMPLERS:
        cpu = time.process_time()
        stamps = sweep(Asleep(slots, seconds=0.5), n_trials=n_trials, sampler=sampler)
        wall, cpu = stamps[-1] - stamps[0], time.process_time() - cpu
        print(
            f"{sampler}: {n_trials} trials of 0.5 s on {slots} workers: {n_trials / wall:.0f} a "
            f"second (at most {slots / 0.5:.0f}); the driver took {1000 * cpu / n_trials:.1f} ms "
            "of processor time each"
        )


def show_growth(*, n_trials: int = 10_000) -> None:
    """Processor milliseconds per trial as the sweep grows."""
    for sampler in SAMPLERS:
        cpu: list[float] = []
        sweep(Asleep(64, seconds=0), n_trials=n_trials, sampler=sampler, cpu=cpu)
        print(f"{sampler}: milliseconds per trial to ask, tell and record, without workers")
        for first in range(0, n_trials, n_trials // 10):
            last = min(first + n_trials // 10, len(cpu) - 1)
            each = 1e3 * (cpu[last] - cpu[first]) / (last - first)
            print(f"  trials {first:5d} to {last:5d}: {each:.2f}")


@dataclass(frozen=True)
class Busy:
    """Trials of a fixed amount of arithmetic, in a worker."""

    rounds: int

    def __call__(self) -> Evaluate:
        """Nothing has to be loaded."""
        return self.evaluate

    def evaluate(self, job: Job) -> TrialResult:
        """Count, then answer by the formula."""
        count(self.rounds)
        return result_of(job)


class Asleep:
    """Workers that sleep: their results become due, and nobody computes."""

    def __init__(self, slots: int, *, seconds: float) -> None:
        self.slots = slots
        self._seconds = seconds
        self._due: list[tuple[float, int, Job]] = []

    def submit(self, job: Job) -> None:
        """The job will be done in so many seconds."""
        heapq.heappush(self._due, (time.monotonic() + self._seconds, job.number, job))

    def collect(self) -> TrialResult | Lost:
        """The job that is done first."""
        due, _, job = heapq.heappop(self._due)
        time.sleep(max(0.0, due - time.monotonic()))
        return result_of(job)

    def close(self) -> None:
        """Nothing runs."""


def sweep(
    executor: Executor, *, n_trials: int, sampler: str, cpu: list[float] | None = None
) -> list[float]:
    """When each trial was recorded; in `cpu`, the processor time until then."""
    stamps: list[float] = []

    class Stopwatch:
        def begun(self, results: object) -> None:
            """The sweep starts."""

        def finished(self, result: object, results: object) -> None:
            """A trial is on record."""
            stamps.append(time.monotonic())
            if cpu is not None:
                cpu.append(time.process_time())

    with tempfile.TemporaryDirectory() as name:
        folder = SweepFolder(Path(name))
        search = SearchSettings(sampler=SAMPLERS[sampler], n_trials=n_trials)
        ledger = Ledger(
            folder.study,
            name="stub",
            groups=GROUPS,
            objectives=search.objectives,
            sampler=search.sampler,
            max_ratio=search.max_ratio,
            seed=0,
        )
        # What is left for study.db at the end is its own time, in nobody's way.
        ledger.flush = lambda *, patience_s: None  # type: ignore[method-assign]
        run_sweep(
            Problem(widths_of=widths_of, cost_of=cost_of),
            [],
            Full(ledger, lambda ratios: True, search.max_ratio),
            ledger=ledger,
            folder=folder,
            executor=executor,
            search=search,
            sparsity=SparsitySettings(),
            seed=0,
            watchers=[Stopwatch()],
        )
    return stamps


def widths_of(ratios: Mapping[str, float]) -> dict[str, int]:
    """Widths rounded to whole channels."""
    return {g.name: max(1, round(g.width * (1 - ratios.get(g.name, 0.0)))) for g in GROUPS}


def cost_of(ratios: Mapping[str, float]) -> Cost:
    """The sum of the widths."""
    macs = sum(widths_of(ratios).values())
    return Cost(params=macs, macs=macs)


def result_of(job: Job) -> TrialResult:
    """What a trial would have found."""
    accuracy = 100 - sum((64 - width) ** 1.5 for width in job.widths.values()) / 64
    macs = sum(job.widths.values())
    return TrialResult(
        number=job.number,
        state="complete",
        origin=job.origin,
        ratios=dict(job.ratios),
        widths=dict(job.widths),
        metrics=Metrics(accuracy=accuracy, macs=macs, params=macs),
        seed=job.seed,
        curve=(EpochRecord(1, 0.5, accuracy, 0.5, 0.0, 0.0),),
        seconds={"finetune": 1.0},
    )


def count(rounds: int) -> int:
    """Arithmetic that takes a time in proportion to `rounds`."""
    total = 0
    for number in range(rounds):
        total += number * number
    return total


def calibrate(seconds: float) -> int:
    """The rounds that take so many seconds of processor time here."""
    begun = time.process_time()
    count(10**7)
    return int(10**7 * seconds / (time.process_time() - begun))


if __name__ == "__main__":
    sys.exit(main())
