"""The speed-up of several workers over one, with trials of five seconds.

    python benchmarks/scaling.py                       # all parts
    python benchmarks/scaling.py busy                  # 1 and 2 workers, trials that compute
    python benchmarks/scaling.py sleeping --workers 2 4 8
    python benchmarks/scaling.py cluster --workers 2 4 8   # Ray nodes of two cores each, here
    python benchmarks/scaling.py search --workers 1 2 4 8 16 64   # the search, simulated trainings

Counted is the time in which all workers were busy; each trial records when it began and ended.
Trials that sleep show the cost of scheduling, independent of the number of cores: the speed-up is
the mean number of concurrent trials. They do not include contention for memory or disks. `busy`
compares the rates at which 1 and 2 workers do a fixed amount of arithmetic, alternately, so that
other load slows down both. A trial also records the share of its time for which it had a core;
where that is low, the ratio means little.

`search` finds the wall time in which several workers reach the retained-quality area of one worker,
with simulated trainings (simulated_training.py): the shortest of a row of budgets whose front has
that area.
"""

from __future__ import annotations

import argparse
import math
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median

from simulated_training import simulate
from stub_sweep import result_of, sweep

from paretoprune.executors.attempt import Evaluate
from paretoprune.executors.interface import Executor, ExecutorContext
from paretoprune.executors.processes import Processes
from paretoprune.results import Job, TrialResult

SECONDS = 5.0  # of a trial
EACH = 5  # trials for each worker
STEP = 1.1  # factor between two budgets of a simulated search


def main() -> None:
    """Print the selected parts."""
    parser = argparse.ArgumentParser()
    parts = {
        "busy": show_busy,
        "sleeping": show_sleeping,
        "cluster": show_cluster,
        "search": show_search,
    }
    parser.add_argument("part", nargs="*", choices=[*parts, []], default=[])
    parser.add_argument("--workers", nargs="*", type=int, default=[2, 4, 8])
    options = parser.parse_args()
    for name in options.part or parts:
        parts[name](options.workers)


def show_busy(workers: Sequence[int], *, rounds: int = 3) -> None:
    """Run trials that keep a core busy for five seconds, by 1 and 2 workers alternately."""
    amount = calibrate(SECONDS)
    ratios = []
    for _ in range(rounds):
        one, two = (
            observe(lambda log: Processes(Trials(log, amount), workers=count), count)  # noqa: B023
            for count in (1, 2)
        )
        ratios.append(two.per_second / one.per_second)
        print(
            f"  1 worker: {one}\n  2 workers: {two}\n  {ratios[-1]:.2f} times as fast", flush=True
        )
    print(
        f"2 workers on {os.cpu_count()} cores, trials that compute: {median(ratios):.2f} (median)"
    )


def show_sleeping(workers: Sequence[int]) -> None:
    """Run trials that sleep for five seconds, in processes of this machine."""
    for count in workers:
        seen = observe(lambda log: Processes(Trials(log), workers=count), count)  # noqa: B023
        _show(f"{count} processes", seen, count)


def show_cluster(workers: Sequence[int]) -> None:
    """Run sleeping trials on Ray clusters with two workers per node."""
    for count in workers:
        with ray_cluster(nodes=count // 2, cores=2) as address:
            seen = observe(lambda log: _on_ray(log, count, address), count)  # noqa: B023
        _show(f"{count} workers on {count // 2} Ray nodes", seen, count)


def show_search(
    workers: Sequence[int], *, budgets_s: Sequence[float] = (1200, 4800), seeds: int = 3
) -> None:
    """Print the speed-up of the default search, and the area in the same wall time."""
    for budget_s in budgets_s:
        one = [_area(1, budget_s, seed) for seed in range(seeds)]
        print(f"one worker, {budget_s:.0f} simulated s: area {fmean(one):.4f}")
        for count in workers:
            same = fmean(_area(count, budget_s, seed) for seed in range(seeds))
            times = [_time_to_reach(one[seed], count, budget_s, seed) for seed in range(seeds)]
            speed_up = budget_s / fmean(times)
            print(
                f"{count} workers: area {same:.4f} in the same time, {speed_up:.2f} times as fast, "
                f"{speed_up / count:.2f} of {count}",
                flush=True,
            )


def _area(workers: int, budget_s: float, seed: int) -> float:
    return simulate("auto.auto", workers=workers, budget_s=budget_s, seed=seed).area


def _time_to_reach(area: float, workers: int, budget_s: float, seed: int) -> float:
    """Return the shortest budget, in steps of a tenth, with at least the area; infinity if none."""
    budget, reached = budget_s, math.inf
    while budget > budget_s / workers / STEP and _area(workers, budget, seed) >= area:
        budget, reached = budget / STEP, budget
    return reached


def _on_ray(log: Path, workers: int, address: str) -> Executor:
    from paretoprune.executors.ray_actors import RayActors

    trials = Trials(log)
    context = ExecutorContext(
        evaluate=trials(),
        open_worker=trials,
        workers=workers,
        time_limit_s=None,
        threads=1,
        folder=log.parent,
    )
    return RayActors(context, address=address)


def _show(what: str, seen: Observed, workers: int) -> None:
    speed_up = SECONDS * seen.per_second
    print(f"{what}, trials that sleep: {speed_up:.2f}, {speed_up / workers:.3f} of {workers}")


@dataclass(frozen=True)
class Observed:
    """The observations while all workers were busy."""

    per_second: float  # trials per second
    with_core: float  # share of a trial's time for which it had a core

    def __str__(self) -> str:
        return f"{1 / self.per_second:.2f} s a trial, which had a core {self.with_core:.0%} of it"


@dataclass(frozen=True)
class Span:
    """A trial: when it began and ended, and its processor seconds."""

    worker: int
    begun: float
    ended: float
    cpu_s: float

    @property
    def seconds(self) -> float:
        """Wall time."""
        return self.ended - self.begun


def observe(make: Callable[[Path], Executor], workers: int) -> Observed:
    """Run a sweep with an executor whose trials write to a file."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "spans"
        executor = make(log)
        try:
            sweep(executor, n_trials=EACH * workers, sampler="random")
        finally:
            executor.close()
        return summary([Span(int(w), *map(float, rest)) for w, *rest in _rows(log)])


def summary(spans: Sequence[Span]) -> Observed:
    """Return the rate during the time in which all workers were busy.

    A trial that extends beyond this time counts in part.
    """
    of_worker: dict[int, list[Span]] = defaultdict(list)
    for span in spans:
        of_worker[span.worker].append(span)
    begun = max(min(span.begun for span in each) for each in of_worker.values())
    ended = min(max(span.ended for span in each) for each in of_worker.values())
    parts = [max(0.0, min(s.ended, ended) - max(s.begun, begun)) / s.seconds for s in spans]
    return Observed(sum(parts) / (ended - begun), fmean(s.cpu_s / s.seconds for s in spans))


@dataclass(frozen=True)
class Trials:
    """Trials in a worker: a fixed amount of arithmetic, or a sleep."""

    log: Path
    amount: int | None = None

    def __call__(self) -> Evaluate:
        """Return the evaluation; nothing has to be loaded."""
        return self.evaluate

    def evaluate(self, job: Job) -> TrialResult:
        """Record when the trial began and ended, and return the result of the formula."""
        begun, cpu_s = time.monotonic(), time.process_time()
        if self.amount is None:
            time.sleep(SECONDS)
        else:
            count_to(self.amount)
        ended, cpu_s = time.monotonic(), time.process_time() - cpu_s
        with self.log.open("a") as stream:
            stream.write(f"{os.getpid()} {begun} {ended} {cpu_s}\n")
        return result_of(job)


def _rows(log: Path) -> list[list[str]]:
    return [line.split() for line in log.read_text().splitlines()]


@contextmanager
def ray_cluster(*, nodes: int, cores: int) -> Iterator[str]:
    """Yield the address of a Ray cluster whose nodes are processes of this machine."""
    from ray.cluster_utils import Cluster

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    cluster = Cluster()
    for _ in range(nodes):
        cluster.add_node(num_cpus=cores)
    cluster.wait_for_nodes()
    try:
        yield cluster.address
    finally:
        cluster.shutdown()


def count_to(number: int) -> int:
    """Compute for a time proportional to `number`."""
    total = 0
    for each in range(number):
        total += each * each
    return total


def calibrate(seconds: float) -> int:
    """Return the number to count to for this many seconds of processor time."""
    begun = time.process_time()
    count_to(10**7)
    return int(10**7 * seconds / (time.process_time() - begun))


if __name__ == "__main__":
    main()
