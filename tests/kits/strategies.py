"""Sweeps with every strategy over the formula."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

from paretoprune.config.groups.sparsity import SparsitySettings
from paretoprune.executors.attempt import Evaluate, attempt
from paretoprune.executors.inline import Inline
from paretoprune.results import Budget, EpochTime, Job, TrialResult
from paretoprune.search.allocation.baselines import global_ratios, uniform_ratios
from paretoprune.search.allocation.sensitivity import ChannelDamage, Damage, measure_sensitivity
from paretoprune.search.strategies.chain import Chain
from paretoprune.search.strategies.gap_filling import GapFilling
from paretoprune.search.strategies.halving import Halving
from paretoprune.search.strategies.interface import Strategy
from paretoprune.search.strategies.one_parameter import OneParameter
from paretoprune.search.strategies.sampler import Sampling
from paretoprune.search.strategies.sequence import StrategySequence
from paretoprune.search.strategies.shared import Shared
from paretoprune.search.strategies.untrained_front import UntrainedFront
from paretoprune.search.study.study import SweepStudy
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.sweep.loop import run_sweep
from paretoprune.sweep.search_problem import SearchProblem
from tests.kits import formula
from tests.kits.formula_sweep import QUALITY, SIZES, baselines_of, open_ledger

STRATEGIES = ("full", "uniform", "global", "halving", "chain", "shared", "auto")
NUM_TRIALS = 16
NUM_SIZES = 12


def divergence(ratios: Mapping[str, float]) -> float:
    return 100 - formula.accuracy_of(formula.widths_of(ratios))


SENSITIVITY = measure_sensitivity(formula.GROUPS, divergence, levels=(0.25, 0.5, 0.75, 0.9))


def proxy(_parent: int | None, ratios: Mapping[str, float]) -> float:
    return divergence(ratios)


def make_chain(name: str, *, max_macs: float = 64, num_sizes: int = NUM_SIZES) -> Chain:
    def damage(parent: TrialResult | None) -> Damage:
        if name == "chain":
            return SENSITIVITY
        scores = parent.scores if parent else {}
        return ChannelDamage.of(scores or formula.SCORES, formula.widths_of)

    def fits(ratios: Mapping[str, float]) -> bool:
        return formula.cost_of(ratios).macs <= max_macs

    return Chain(
        name, SIZES, fits, damage, cache(uniform_of_size), proxy, QUALITY, lambda: num_sizes
    )


def make_strategy(name: str, study: SweepStudy, num_first: int, max_macs: float) -> Strategy:
    full = Sampling(study, lambda ratios: True, 0.9, log_sizes=SIZES if name == "halving" else None)
    if name == "full":
        return full
    if name == "halving":
        return Halving(full, formula.search_settings().objectives, num_first)
    if name == "uniform":
        return OneParameter(name, uniform_of_size, SIZES, lambda: NUM_SIZES, num_first)
    if name == "global":
        return OneParameter(name, global_of_size, SIZES, lambda: NUM_SIZES, num_first)
    chain = make_chain(name, max_macs=max_macs)
    refill = GapFilling(SIZES, QUALITY, chain.fits, chain.damage, min_gain=0.001)
    if name == "chain":
        return StrategySequence((chain, refill))
    links = Shared(chain) if name == "shared" else chain
    return StrategySequence(
        (UntrainedFront(SIZES, QUALITY, chain.fits, chain.damage), links, refill)
    )


def uniform_of_size(size: float) -> Mapping[str, float]:
    return uniform_ratios(formula.GROUPS, lambda r: SIZES.size_of(r) <= size, max_ratio=0.9)


def global_of_size(size: float) -> Mapping[str, float]:
    return global_ratios(
        formula.GROUPS, formula.SCORES, lambda r: SIZES.size_of(r) <= size, max_ratio=0.9
    )


class Trials:
    """Evaluates the formula, and checks that a parent's weights exist when a child starts."""

    def __init__(self, folder: Path, *, stop: int | None = None) -> None:
        self.folder, self.stop = SweepFolder(folder), stop
        self.seconds = 0.0  # on the sweep's clock

    def __call__(self, job: Job) -> TrialResult:
        if self.stop is not None and job.number >= self.stop:
            raise KeyboardInterrupt
        if job.parent is not None:
            assert (self.folder.trial(job.parent) / "model.safetensors").is_file()
        weights = self.folder.trial(job.number) / "model.safetensors"
        weights.parent.mkdir(parents=True, exist_ok=True)
        weights.touch()
        result = formula.evaluate(job)
        self.seconds += sum(result.seconds.values())
        return result


class Workers:
    """An executor with several concurrent trials, of which the second latest ends first."""

    def __init__(self, evaluate: Evaluate, slots: int) -> None:
        self.slots, self._evaluate, self._jobs = slots, evaluate, list[Job]()

    def submit(self, job: Job) -> None:
        """Take a job."""
        self._jobs.append(job)

    def collect(self) -> TrialResult:
        """Run one job, not the oldest if there are several."""
        return attempt(self._evaluate, self._jobs.pop(max(0, len(self._jobs) - 2)))

    def close(self) -> None:
        """Do nothing, as no job is running between calls."""


def sweep(
    name: str,
    path: Path,
    *,
    stop: int | None = None,
    max_macs: float = 64,
    n_trials: int = NUM_TRIALS,
    budget: Budget | None = None,
    workers: int = 1,
    baseline_ratios: tuple[float, ...] = (0.25, 0.5, 0.75),
    tell_end: Callable[[str], None] = lambda _: None,
) -> list[TrialResult]:
    path.mkdir(exist_ok=True)
    search = replace(
        formula.search_settings(n_trials), budget=budget, baseline_ratios=baseline_ratios
    )
    folder = SweepFolder(path)
    study, first = open_ledger(folder.study, search), baselines_of(search)
    trials = Trials(path, stop=stop)
    return run_sweep(
        SearchProblem(
            formula.widths_of,
            formula.cost_of,
            epochs=4.0,
            epoch_time=lambda: EpochTime(macs=64, seconds=2.0),
        ),
        first,
        make_strategy(name, study, len(first), max_macs),
        study=study,
        folder=folder,
        executor=Workers(trials, workers) if workers > 1 else Inline(trials),
        search=search,
        sparsity=SparsitySettings(max_macs=max_macs),
        seed=0,
        clock=lambda: trials.seconds,
        tell_end=tell_end,
    )
