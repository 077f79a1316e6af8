"""Sweeps whose trials are stubs: all that takes time is the driver, and what the stub wants.

The driver is the real one, with its folder, study and sampler, but for the terminal, the pages and
MLflow. The stub has 12 groups of 64 channels, and an accuracy and MACs by a formula.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from paretoprune.config.groups.search import SearchSettings
from paretoprune.config.groups.sparsity import SparsitySettings
from paretoprune.config.instantiate import build
from paretoprune.config.target import Target
from paretoprune.executors.interface import Executor
from paretoprune.results import Cost, EpochRecord, GroupInfo, Job, Metrics, TrialResult
from paretoprune.search.front.front import as_costs, hypervolume
from paretoprune.search.study.study import SweepStudy
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.sweep.loop import run_sweep
from paretoprune.sweep.search_problem import SearchProblem
from paretoprune.testing.formula_sweep import search_context

GROUPS = tuple(GroupInfo(f"g{index}", 64) for index in range(12))
_SAMPLING = "paretoprune.search.strategies.sampling.Sampling"
SAMPLERS = {
    "random": {"_target_": "optuna.samplers.RandomSampler"},
    "tpe": {"_target_": "optuna.samplers.TPESampler", "multivariate": True},
    "nsga2": {"_target_": "optuna.samplers.NSGAIISampler", "population_size": 16},
}


@dataclass(frozen=True)
class Course:
    """How a sweep went, in seconds."""

    recorded: list[float]  # when each trial was on record, by the monotonic clock
    cpu_s: list[float]  # processor time of the driver until then
    end: float  # when the study was written as well
    hypervolume: float  # of its front, against an accuracy of 0 at the dense model's MACs

    def cpu_ms_per_trial(self, first: int, last: int) -> float:
        """Processor milliseconds of the driver for each of these trials."""
        last = min(last, len(self.cpu_s) - 1)
        return 1e3 * (self.cpu_s[last] - self.cpu_s[first]) / (last - first)


def sweep(executor: Executor, *, n_trials: int, sampler: str, seed: int = 0) -> Course:
    """A sweep as `python -m src.train` runs it, in a folder that is removed."""
    watch = _Stopwatch([], [])
    with tempfile.TemporaryDirectory() as name:
        folder = SweepFolder(Path(name))
        strategy = Target(path=_SAMPLING, arguments={"sampler": SAMPLERS[sampler]})
        search = SearchSettings(strategy=strategy, n_trials=n_trials)
        study = SweepStudy(
            folder.study,
            name="stub",
            groups=GROUPS,
            objectives=search.objectives,
            sampler=search.sampler,
            max_ratio=search.max_ratio,
            seed=seed,
        )
        results = run_sweep(
            SearchProblem(widths_of=widths_of, cost_of=cost_of),
            [],
            build(strategy, context=search_context(ask=study.ask)),
            study=study,
            folder=folder,
            executor=executor,
            search=search,
            sparsity=SparsitySettings(),
            seed=seed,
            watchers=[watch],
        )
        end = time.monotonic()
    found = [(r.metrics.accuracy or 0.0, r.metrics.macs or 0.0) for r in results]
    covered = hypervolume(as_costs(found, ["maximize", "minimize"]), (0.0, cost_of({}).macs + 1))
    return Course(watch.recorded, watch.cpu_s, end, covered)


@dataclass(frozen=True)
class _Stopwatch:
    recorded: list[float]
    cpu_s: list[float]

    def begun(self, results: object) -> None:
        """The sweep starts."""

    def finished(self, result: object, results: object) -> None:
        """A trial is on record."""
        self.recorded.append(time.monotonic())
        self.cpu_s.append(time.process_time())


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
