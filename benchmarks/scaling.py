"""What more workers give, and what the driver sustains.

    python benchmarks/scaling.py                  # all parts
    python benchmarks/scaling.py speed-up         # 1 and 2 workers, trials that compute
    python benchmarks/scaling.py sleeping         # up to 16 workers, trials that sleep
    python benchmarks/scaling.py cluster          # Ray nodes on this machine, trials that sleep
    python benchmarks/scaling.py driver           # 64 workers, trials that sleep
    python benchmarks/scaling.py growth           # ask, tell and record up to 10,000 trials

`speed-up` runs trials of a fixed amount of arithmetic in as many processes as there are cores, by
turns with one worker and with two, so that whoever else uses the machine slows both. For more
workers than there are cores, trials sleep: that shows what handing out and taking back costs, and
says nothing of memory or disks that workers share. `driver` lets 64 slots sleep in the driver's own
process, so that nothing but the driver takes processor time. `growth` has no workers at all and
measures the processor time of the driver's own steps, writing `study.db` included.
"""

from __future__ import annotations

import argparse
import heapq
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from paretoprune.config import ExecutorSettings, SearchSettings, SparsitySettings, Target
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
    "nsga2": Target(path="optuna.samplers.NSGAIISampler", arguments={"population_size": 16}),
}


def main() -> None:
    """Print the parts that were asked for."""
    parser = argparse.ArgumentParser()
    parts: dict[str, Callable[[], None]] = {
        "speed-up": show_speed_up,
        "sleeping": show_sleeping,
        "cluster": show_cluster,
        "driver": show_driver,
        "growth": show_growth,
    }
    parser.add_argument("part", nargs="*", choices=[*parts, []], default=[])
    for name in parser.parse_args().part or parts:
        parts[name]()


def show_speed_up(*, n_trials: int = 6, rounds: int = 3) -> None:
    """Trials that keep a core busy for five seconds and more, by 1 and 2 workers in turn."""
    work = Busy(calibrate(5.0))
    seconds: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(rounds):
        for workers, found in seconds.items():
            each = seconds_per_trial(Processes(work, workers=workers), workers * n_trials)
            found.append(each)
            print(f"  {workers} workers: {each:.2f} s per trial", flush=True)
    ratios = [one / two for one, two in zip(seconds[1], seconds[2], strict=True)]
    shown = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    print(
        f"speed-up with 2 workers on {os.cpu_count()} cores: {shown}; median {median(ratios):.2f}"
    )


def show_sleeping() -> None:
    """Trials that sleep for five seconds, by more workers than there are cores."""
    for workers in (1, 4, 16):
        executor = Processes(Sleeping(5.0), workers=workers)
        _show_share(executor, workers, "processes")


def show_cluster() -> None:
    """The same on a Ray cluster: nodes of two cores each, as processes of this machine."""
    for nodes in (1, 2, 4):
        with ray_cluster(nodes, cores=2) as address:
            from paretoprune.executors.ray_actors import RayActors

            settings = ExecutorSettings(name="ray", workers=2 * nodes, address=address)
            executor = RayActors(Sleeping(5.0), settings, threads=1)
            _show_share(executor, settings.workers, f"{nodes} Ray nodes")


def _show_share(executor: Executor, workers: int, where: str) -> None:
    speed_up = 5.0 / seconds_per_trial(executor, 4 * workers)
    print(
        f"{where}: {workers} workers run trials that sleep 5 s {speed_up:.2f} times as fast as one "
        f"could, {speed_up / workers:.2f} of {workers}",
        flush=True,
    )


@contextmanager
def ray_cluster(nodes: int, *, cores: int) -> Iterator[str]:
    """The address of a Ray cluster whose nodes are processes of this machine."""
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


def seconds_per_trial(executor: Executor, n_trials: int) -> float:
    """Once all workers have started: that is no part of a long sweep."""
    workers = executor.slots
    stamps = sweep(executor, n_trials=n_trials, sampler="random").recorded
    executor.close()
    return (stamps[-1] - stamps[workers - 1]) / (n_trials - workers)


def show_driver(*, n_trials: int = 2000, slots: int = 64) -> None:
    """How many trials a second the driver hands out and takes back, with 64 workers asleep."""
    for sampler in SAMPLERS:
        cpu = time.process_time()
        course = sweep(Asleep(slots, seconds=0.5), n_trials=n_trials, sampler=sampler)
        cpu = time.process_time() - cpu
        print(
            f"{sampler}: {n_trials} trials of 0.5 s on {slots} workers: "
            f"{n_trials / course.wall_s:.0f} a second with study.db written "
            f"(at most {slots / 0.5:.0f}); the driver took {1000 * cpu / n_trials:.1f} ms of "
            f"processor time each, of {course.wall_s:.0f} s {course.flush_s:.1f} at the end",
            flush=True,
        )


def show_growth(*, n_trials: int = 10_000) -> None:
    """Processor milliseconds per trial as the sweep grows."""
    for sampler in SAMPLERS:
        cpu = sweep(Asleep(64, seconds=0), n_trials=n_trials, sampler=sampler).cpu_s
        print(f"{sampler}: processor milliseconds per trial to ask, tell and record")
        for first in range(0, n_trials, n_trials // 10):
            last = min(first + n_trials // 10, len(cpu) - 1)
            each = 1e3 * (cpu[last] - cpu[first]) / (last - first)
            print(f"  trials {first:5d} to {last:5d}: {each:.2f}", flush=True)


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


@dataclass(frozen=True)
class Sleeping:
    """Trials that sleep, in a worker."""

    seconds: float

    def __call__(self) -> Evaluate:
        """Nothing has to be loaded."""
        return self.evaluate

    def evaluate(self, job: Job) -> TrialResult:
        """Wait, then answer by the formula."""
        time.sleep(self.seconds)
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


@dataclass(frozen=True)
class Course:
    """How a sweep went, in seconds."""

    recorded: list[float]  # when each trial was on record
    cpu_s: list[float]  # processor time of the driver until then
    wall_s: float  # from the first record to the end
    flush_s: float  # from the last record to the end: what was late for study.db


def sweep(executor: Executor, *, n_trials: int, sampler: str) -> Course:
    """A sweep as `python -m src.train` runs it, but for the terminal, the pages and MLflow."""
    recorded: list[float] = []
    cpu_s: list[float] = []

    class Stopwatch:
        def begun(self, results: object) -> None:
            """The sweep starts."""

        def finished(self, result: object, results: object) -> None:
            """A trial is on record."""
            recorded.append(time.monotonic())
            cpu_s.append(time.process_time())

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
        end = time.monotonic()
    return Course(recorded, cpu_s, wall_s=end - recorded[0], flush_s=end - recorded[-1])


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
    main()
