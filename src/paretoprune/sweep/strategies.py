"""The strategy that the settings name, connected to the network that it searches."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path

from paretoprune.metrics import TIMED
from paretoprune.problem.problem import Problem
from paretoprune.results import EpochTime
from paretoprune.search.allocation.baselines import global_ratios, uniform_ratios
from paretoprune.search.allocation.greedy import drop_dominated
from paretoprune.search.allocation.sensitivity import Sensitivity, measure_sensitivity
from paretoprune.search.allocation.sizes import Sizes, affordable_sizes
from paretoprune.search.budget.limits import broken_limits
from paretoprune.search.budget.training_time import predicted_seconds
from paretoprune.search.strategies.accuracy_bisection import AccuracyBisection
from paretoprune.search.strategies.halving import Halving
from paretoprune.search.strategies.interface import Strategy
from paretoprune.search.strategies.one_parameter import OneParameter
from paretoprune.search.strategies.sampler import Sampling
from paretoprune.search.study.study import SweepStudy
from paretoprune.storage.atomic import write_json
from paretoprune.sweep.baselines import choices_of, group_infos, places_of, search_settings
from paretoprune.sweep.chain import chain_of, gate_damage
from paretoprune.trial.context import TrialContext
from paretoprune.trial.proxy import dense_divergence

Ratios = Mapping[str, float]

_LEVELS = (0.25, 0.5, 0.75, 0.9)  # the ratios at which a group's sensitivity is measured

_TIE = 1e-6


def strategy_of(
    context: TrialContext,
    study: SweepStudy,
    scores: Mapping[str, Sequence[float]],
    sensitivity: Callable[[], Sensitivity],
    epoch_time: Callable[[], EpochTime | None],
    *,
    num_first: int,
    trials: Path,
) -> Strategy:
    """The strategy for all trials after the first `num_first`, whose folders lie in `trials`."""
    problem = context.problem
    drop = problem.settings.sparsity.accuracy_drop
    if problem.settings.search is None and drop is not None:
        return AccuracyBisection(places_of(problem, scores, sensitivity), drop)
    search, sizes = search_settings(problem.settings), _sizes(problem)
    num_sizes = cache(lambda: _num_sizes(problem, epoch_time()))

    def fits(ratios: Ratios) -> bool:
        return not broken_limits(problem.settings.sparsity, problem.cost_of(ratios).at_least())

    if search.strategy in ("full", "halving"):
        spread = sizes if search.log_sizes else None
        full = Sampling(study, fits, search.max_ratio, log_sizes=spread, seed=problem.settings.seed)
        halving = search.strategy == "halving"
        return Halving(full, search.objectives, num_first) if halving else full
    if search.strategy in ("uniform", "global"):
        member = _member(problem, scores, sizes)
        return OneParameter(search.strategy, member, sizes, num_sizes, num_first)
    damage = (
        gate_damage(context) if problem.settings.uses_gate_scores else lambda _parent: sensitivity()
    )
    return chain_of(
        context,
        sizes,
        fits,
        damage,
        uniform=_uniform(problem, sizes),
        num_sizes=num_sizes,
        trials=trials,
    )


def _num_sizes(problem: Problem, known: EpochTime | None) -> int:
    search, half = search_settings(problem.settings), problem.cost_of({}).macs / 4
    seconds_per_epoch = predicted_seconds(known, half) if known else None
    return affordable_sizes(search.num_sizes, search.budget, seconds_per_epoch)


def sensitivity_of(context: TrialContext, file: Path) -> Callable[[], Sensitivity]:
    """What measures the groups' sensitivity when it is first called, and keeps it in `file`."""
    problem = context.problem
    levels = [level for level in _LEVELS if level <= search_settings(problem.settings).max_ratio]

    @cache
    def sensitivity() -> Sensitivity:
        groups = group_infos(problem)
        found = measure_sensitivity(groups, dense_divergence(context), levels=levels)
        write_json(file, asdict(found))
        return found

    return sensitivity


def _sizes(problem: Problem) -> Sizes:
    search = search_settings(problem.settings)
    size_of = _size_of(problem, search.objectives)
    choices = choices_of(problem, max_ratio=search.max_ratio)
    ranks = problem.space.ranks
    return Sizes(
        choices=drop_dominated(choices, size_of) if _timed(search.objectives) else choices,
        size_of=size_of,
        macs_of=lambda ratios: float(problem.cost_of(ratios).macs),
        ranks=ranks.groups if ranks else (),
    )


def _member(
    problem: Problem, scores: Mapping[str, Sequence[float]], sizes: Sizes
) -> Callable[[float], Ratios]:
    """The member of a family, uniform or global, that has at most a size."""
    groups, search = group_infos(problem), search_settings(problem.settings)
    if search.strategy == "uniform":
        return _uniform(problem, sizes)
    return lambda size: global_ratios(
        groups, scores, lambda ratios: sizes.size_of(ratios) <= size, max_ratio=search.max_ratio
    )


def _uniform(problem: Problem, sizes: Sizes) -> Callable[[float], Ratios]:
    """The largest uniform candidate that has at most a size."""
    groups, search = group_infos(problem), search_settings(problem.settings)
    return cache(
        lambda size: uniform_ratios(
            groups, lambda ratios: sizes.size_of(ratios) <= size, max_ratio=search.max_ratio
        )
    )


def _timed(objectives: Iterable[str]) -> bool:
    return not set(TIMED).isdisjoint(objectives)


def _size_of(problem: Problem, objectives: Collection[str]) -> Callable[[Ratios], float]:
    """What a strategy calls the size: the forecast latency, the parameters or the MACs."""
    if _timed(objectives):
        dense_macs = problem.cost_of({}).macs

        def latency_of(ratios: Ratios) -> float:
            cost = problem.cost_of(ratios)
            assert cost.latency_ms is not None
            # Time stands still between the edges of its stairs; MACs decide what is equally fast.
            return cost.latency_ms * (1 + _TIE * cost.macs / dense_macs)

        return latency_of
    size = "params" if "params" in objectives and "macs" not in objectives else "macs"
    return lambda ratios: float(getattr(problem.cost_of(ratios), size))
