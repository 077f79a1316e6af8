"""Sweeps with stub trials, to measure the driver alone.

The driver is real, including folder, study and sampler, but without terminal, pages and MLflow. The
stub has 12 groups of 64 channels; accuracy and MACs are formulas.
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
    """The course of a sweep, in seconds."""

    recorded: list[float]  # when each trial was recorded, by the monotonic clock
    cpu_s: list[float]  # processor time of the driver up to then
    end: float  # when the study was completely written
    hypervolume: float  # of its front, relative to an accuracy of 0 at the dense model's MACs

    def cpu_ms_per_trial(self, first: int, last: int) -> float:
        """Return the driver's processor time per trial in ms, for this range of trials."""
        last = min(last, len(self.cpu_s) - 1)
        return 1e3 * (self.cpu_s[last] - self.cpu_s[first]) / (last - first)


def sweep(executor: Executor, *, n_trials: int, sampler: str, seed: int = 0) -> Course:
    """Run a sweep like `python -m src.train`, in a temporary folder."""
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
    found = [(r.metrics.quality.get("accuracy", 0.0), r.metrics.macs or 0.0) for r in results]
    covered = hypervolume(as_costs(found, ["maximize", "minimize"]), (0.0, cost_of({}).macs + 1))
    return Course(watch.recorded, watch.cpu_s, end, covered)


@dataclass(frozen=True)
class _Stopwatch:
    recorded: list[float]
    cpu_s: list[float]

    def begun(self, results: object) -> None:
        """Start of the sweep."""

    def finished(self, result: object, results: object) -> None:
        """Record the time of a finished trial."""
        self.recorded.append(time.monotonic())
        self.cpu_s.append(time.process_time())


def widths_of(ratios: Mapping[str, float]) -> dict[str, int]:
    """Return widths rounded to whole channels."""
    return {g.name: max(1, round(g.width * (1 - ratios.get(g.name, 0.0)))) for g in GROUPS}


def cost_of(ratios: Mapping[str, float]) -> Cost:
    """Return the sum of the widths."""
    macs = sum(widths_of(ratios).values())
    return Cost(params=macs, macs=macs)


def result_of(job: Job) -> TrialResult:
    """Return the result of a stub trial."""
    accuracy = 100 - sum((64 - width) ** 1.5 for width in job.widths.values()) / 64
    macs = sum(job.widths.values())
    return TrialResult(
        number=job.number,
        state="complete",
        origin=job.origin,
        ratios=dict(job.ratios),
        widths=dict(job.widths),
        metrics=Metrics({"accuracy": accuracy}, macs=macs, params=macs),
        seed=job.seed,
        curve=(EpochRecord(1, 0.5, accuracy, 0.5, 0.0, 0.0),),
        seconds={"finetune": 1.0},
    )
