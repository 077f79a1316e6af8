"""Sweeps over the formula, by the loop and with the folder of a real sweep."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

from paretoprune.config.groups.search import SearchSettings
from paretoprune.config.groups.sparsity import SparsitySettings
from paretoprune.config.instantiate import build
from paretoprune.config.target import Target
from paretoprune.config.targets.signatures import has_trait
from paretoprune.executors.attempt import Evaluate, attempt
from paretoprune.executors.inline import Inline
from paretoprune.executors.interface import Executor
from paretoprune.results import Budget, EpochTime, Job, Proposal, TrialResult
from paretoprune.search.allocation.baselines import baselines, global_ratios, uniform_ratios
from paretoprune.search.allocation.sensitivity import (
    ChannelDamage,
    Damage,
    distinct_ratios,
    measure_sensitivity,
)
from paretoprune.search.allocation.sizes import Sizes
from paretoprune.search.context import Ask, SearchContext
from paretoprune.search.front.gaps import FrontAxis
from paretoprune.search.search_problem import SearchProblem
from paretoprune.search.study.study import SweepStudy
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.sweep.loop import run_sweep
from paretoprune.testing import formula

Ratios = Mapping[str, float]

NUM_TRIALS = 16
SIZES = Sizes(
    choices=distinct_ratios(formula.GROUPS, formula.widths_of, max_ratio=0.9),
    size_of=lambda ratios: float(formula.cost_of(ratios).macs),
    macs_of=lambda ratios: float(formula.cost_of(ratios).macs),
)
QUALITY = FrontAxis(lambda result: result.metrics.quality.get("accuracy"), 0.0)
_DENSE_MACS = 64
_PROBLEM = SearchProblem(
    formula.widths_of,
    formula.cost_of,
    epochs=4.0,
    epoch_time=lambda: EpochTime(macs=_DENSE_MACS, seconds=2.0),
)


def divergence(ratios: Ratios) -> float:
    """The proxy of the formula: the accuracy lost."""
    return 100 - formula.accuracy_of(formula.widths_of(ratios))


SENSITIVITY = measure_sensitivity(formula.GROUPS, divergence, levels=(0.25, 0.5, 0.75, 0.9))


def uniform_of_size(size: float) -> Ratios:
    """The largest uniform candidate of at most a size."""
    return uniform_ratios(formula.GROUPS, lambda r: SIZES.size_of(r) <= size, max_ratio=0.9)


def global_of_size(size: float) -> Ratios:
    """The same of a global ranking."""
    return global_ratios(
        formula.GROUPS, formula.SCORES, lambda r: SIZES.size_of(r) <= size, max_ratio=0.9
    )


def gate_damage(parent: TrialResult | None) -> Damage:
    """By the scores of a trial, or of the dense model."""
    scores = parent.scores if parent else {}
    return ChannelDamage.of(scores or formula.SCORES, formula.widths_of)


def no_sampler(number: int, *, repair: Callable[[Ratios], Ratios]) -> Proposal:
    """In the place of a study's sampler."""
    raise AssertionError("this strategy has no sampler")


def search_context(
    *,
    num_first: int = 0,
    max_macs: float = _DENSE_MACS,
    uses_gate_scores: bool = True,
    has_untrained_front: bool = False,
    ask: Ask = no_sampler,
) -> SearchContext:
    """Return the context of a strategy for the formula."""
    return SearchContext(
        groups=formula.GROUPS,
        objectives=formula.search_settings().objectives,
        sizes=SIZES,
        quality=QUALITY,
        max_ratio=0.9,
        seed=0,
        num_first=num_first,
        fits=lambda ratios: formula.cost_of(ratios).macs <= max_macs,
        damage=gate_damage if uses_gate_scores else lambda _parent: SENSITIVITY,
        proxy=lambda _parent, ratios: divergence(ratios),
        uniform_of_size=cache(uniform_of_size),
        global_of_size=global_of_size,
        affordable_sizes=lambda most: most,
        has_untrained_front=has_untrained_front,
        ask=ask,
    )


class Trials:
    """Evaluates the formula, and checks that a parent's weights are there when a child starts."""

    def __init__(self, folder: Path, *, stop: int | None = None) -> None:
        """With `stop`, that trial is interrupted as by Ctrl-C."""
        self.folder, self.stop = SweepFolder(folder), stop
        self.seconds = 0.0  # on the sweep's clock

    def __call__(self, job: Job) -> TrialResult:
        """The result of a trial, at once."""
        if self.stop is not None and job.number >= self.stop:
            raise KeyboardInterrupt
        if job.parent is not None:
            there = (self.folder.trial(job.parent) / "model.safetensors").is_file()
            assert there, f"`needed` left out trial {job.parent}, from which {job.number} starts"
        weights = self.folder.trial(job.number) / "model.safetensors"
        weights.parent.mkdir(parents=True, exist_ok=True)
        weights.touch()
        result = formula.evaluate(job)
        self.seconds += sum(result.seconds.values())
        return result


class Workers(Executor):
    """Several trials under way at once, of which the latest but one ends first."""

    def __init__(self, evaluate: Evaluate, slots: int) -> None:
        """`slots` trials at once."""
        self.slots, self._evaluate, self._jobs = slots, evaluate, list[Job]()

    def submit(self, job: Job) -> None:
        """Take a job."""
        self._jobs.append(job)

    def collect(self) -> TrialResult:
        """Run a job, not the oldest where there are several."""
        return attempt(self._evaluate, self._jobs.pop(max(0, len(self._jobs) - 2)))

    def close(self) -> None:
        """No work is done between two calls."""


def sweep(
    strategy: Target,
    path: Path,
    *,
    stop: int | None = None,
    max_macs: float = _DENSE_MACS,
    n_trials: int = NUM_TRIALS,
    budget: Budget | None = None,
    workers: int = 1,
    baseline_ratios: tuple[float, ...] = (0.25, 0.5, 0.75),
    tell_end: Callable[[str], None] = lambda _: None,
) -> list[TrialResult]:
    """Run a sweep by a strategy in the folder `path`, or continue an interrupted one.

    An epoch takes 1 s, and 1 s more for the share of the MACs that is left; a trial 0.5 s beside.
    """
    path.mkdir(exist_ok=True)
    search = replace(
        formula.search_settings(n_trials),
        strategy=strategy,
        budget=budget,
        baseline_ratios=baseline_ratios,
    )
    folder, trials = SweepFolder(path), Trials(path, stop=stop)
    study, first = open_study(folder.study, search), baselines_of(search)
    context = search_context(
        num_first=len(first),
        max_macs=max_macs,
        uses_gate_scores=has_trait(strategy, "uses_gate_scores"),
        has_untrained_front=not (budget is None or budget.unit == "trials"),
        ask=study.ask,
    )
    return run_sweep(
        _PROBLEM,
        first,
        build(strategy, context=context),
        study=study,
        folder=folder,
        executor=Workers(trials, workers) if workers > 1 else Inline(trials),
        search=search,
        sparsity=SparsitySettings(max_macs=max_macs),
        seed=0,
        clock=lambda: trials.seconds,
        tell_end=tell_end,
    )


def open_study(
    study: Path, search: SearchSettings, *, seed: int = 0, storage: str | None = None
) -> SweepStudy:
    """Open the study of a search; in a shared `storage` it has the name of its folder."""
    return SweepStudy(
        study,
        name="formula",
        groups=formula.GROUPS,
        objectives=search.objectives,
        sampler=search.sampler,
        max_ratio=search.max_ratio,
        seed=seed,
        storage=storage,
        owner=study.parent.name if storage else "",
    )


def baselines_of(search: SearchSettings) -> list[Proposal]:
    """The dense model, uniform pruning and global ranking."""
    return baselines(
        formula.GROUPS,
        formula.SCORES,
        formula.cost_of,
        ratios=search.baseline_ratios,
        max_ratio=search.max_ratio,
    )
