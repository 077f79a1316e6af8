"""The strategy that the settings name, connected to the network that it searches."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import cache, lru_cache
from pathlib import Path

from paretoprune.config.instantiate import build
from paretoprune.config.settings import Settings
from paretoprune.metrics import TIMED, Direction, first_quality, quantity_of
from paretoprune.problem.problem import Problem
from paretoprune.results import EpochTime, TrialResult
from paretoprune.search.allocation.baselines import global_ratios, uniform_ratios
from paretoprune.search.allocation.greedy import drop_dominated
from paretoprune.search.allocation.sensitivity import (
    ChannelDamage,
    Damage,
    Sensitivity,
    measure_sensitivity,
)
from paretoprune.search.allocation.sizes import Sizes, affordable_sizes
from paretoprune.search.budget.limits import broken_limits
from paretoprune.search.budget.training_time import predicted_seconds
from paretoprune.search.context import SearchContext
from paretoprune.search.front.gaps import FrontAxis
from paretoprune.search.strategies.interface import Strategy
from paretoprune.search.study.study import SweepStudy
from paretoprune.storage.atomic import write_json
from paretoprune.sweep.baselines import choices_of, group_infos, places_of, search_settings
from paretoprune.sweep.quality_target import bisection
from paretoprune.trial.context import TrialContext
from paretoprune.trial.proxy import dense_divergence, proxy_divergences
from paretoprune.trial.run import start_from

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
    settings = problem.settings
    if settings.search is None and settings.sparsity.bisects_quality:
        return bisection(context, places_of(problem, scores, sensitivity))
    search, sizes = search_settings(settings), _sizes(problem)
    groups = group_infos(problem)

    def fits(ratios: Ratios) -> bool:
        return not broken_limits(settings.sparsity, problem.cost_of(ratios).at_least())

    def at_most(size: float) -> Callable[[Ratios], bool]:
        return lambda ratios: sizes.size_of(ratios) <= size

    by_gates = settings.uses_gate_scores
    damage = gate_damage(context) if by_gates else lambda _parent: sensitivity()
    strategy: Strategy = build(
        search.strategy,
        context=SearchContext(
            groups=groups,
            objectives=search.objectives,
            sizes=sizes,
            quality=_quality(search.objectives),
            max_ratio=search.max_ratio,
            seed=settings.seed,
            num_first=num_first,
            fits=fits,
            damage=damage,
            proxy=_proxy(context, trials),
            uniform_of_size=cache(
                lambda size: uniform_ratios(groups, at_most(size), max_ratio=search.max_ratio)
            ),
            global_of_size=lambda size: global_ratios(
                groups, scores, at_most(size), max_ratio=search.max_ratio
            ),
            affordable_sizes=cache(lambda most: _num_sizes(problem, most, epoch_time())),
            has_untrained_front=_has_untrained_front(settings),
            ask=study.ask,
        ),
    )
    return strategy


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


def _num_sizes(problem: Problem, most: int, known: EpochTime | None) -> int:
    half = problem.cost_of({}).macs / 4
    seconds_per_epoch = predicted_seconds(known, half) if known else None
    return affordable_sizes(most, search_settings(problem.settings).budget, seconds_per_epoch)


def gate_damage(context: TrialContext) -> Callable[[TrialResult | None], Damage]:
    """By the gate scores of the parent's training; for None by those of the dense model."""
    dense = {name: values.tolist() for name, values in (context.gates or {}).items()}
    widths_of = context.problem.widths_of
    return lambda parent: ChannelDamage.of(
        parent.scores if parent and parent.scores else dense, widths_of
    )


def _proxy(context: TrialContext, trials: Path) -> Callable[[int | None, Ratios], float]:
    """The divergence of the outputs of a trial's model, or of the dense one, once pruned."""
    start = lru_cache(maxsize=1)(lambda parent: start_from(context, parent, trials=trials))
    proxy = cache(lambda: proxy_divergences(context))
    return lambda parent, ratios: proxy()(start(parent), ratios)


def _has_untrained_front(settings: Settings) -> bool:
    """True if untrained candidates are compensated and do not take the place of a trial."""
    return (
        settings.search is not None
        and settings.search.budget is not None
        and settings.search.budget.unit != "trials"
        and settings.schedule.name == "one_shot"
        and settings.compensation_method is not None
    )


def _quality(objectives: Mapping[str, Direction]) -> FrontAxis:
    """The first objective that says how well a model does."""
    name = first_quality(objectives)
    if name is None:
        return FrontAxis(lambda _result: None, 0.0)
    sign = 1.0 if objectives[name] == "maximize" else -1.0

    def of(result: TrialResult) -> float | None:
        value = result.metrics.get(name)
        return None if value is None else sign * value

    worst = quantity_of(name).worst
    return FrontAxis(of, -math.inf if worst is None else sign * worst)


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
