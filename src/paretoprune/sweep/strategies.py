"""Strategies connected to the network that they search."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cache, lru_cache, partial
from pathlib import Path

from paretoprune.config.instantiate import build
from paretoprune.metrics import TIMED, Direction, quantity_of
from paretoprune.objectives import first_quality
from paretoprune.problem.problem import Problem
from paretoprune.problem.task_data import TaskData
from paretoprune.quantization.allocation import TYPICAL_BITS, predicted_bytes
from paretoprune.results import EpochTime, Job, TrialResult
from paretoprune.search.allocation.baselines import global_ratios, uniform_ratios
from paretoprune.search.allocation.greedy import drop_dominated
from paretoprune.search.allocation.sensitivity import (
    ChannelDamage,
    Damage,
    Sensitivity,
    measure_sensitivity,
)
from paretoprune.search.allocation.sizes import Sizes, affordable_sizes
from paretoprune.search.budget.budget import Training
from paretoprune.search.budget.limits import broken_limits
from paretoprune.search.budget.training_time import predicted_seconds
from paretoprune.search.context import SearchContext
from paretoprune.search.front.gaps import FrontAxis
from paretoprune.search.strategies.interface import Strategy
from paretoprune.search.study.study import SweepStudy
from paretoprune.storage.atomic import write_json
from paretoprune.sweep.baselines import search_of, search_settings
from paretoprune.sweep.candidates.dimensions import choices_of, group_infos
from paretoprune.sweep.candidates.quality_target import bisection
from paretoprune.sweep.candidates.single_run import places_of
from paretoprune.trial.context import TrialContext
from paretoprune.trial.proxy import dense_divergence, proxy_divergences
from paretoprune.trial.run import start_from, train

Ratios = Mapping[str, float]

_LEVELS = (0.25, 0.5, 0.75, 0.9)  # the ratios at which a group's sensitivity is measured

_TIE = 1e-6
_LEAST_STEPS = 50  # of a training; with fewer, compensation alone is as good


def strategy_of(
    context: TrialContext,
    study: SweepStudy,
    scores: Mapping[str, Sequence[float]],
    sensitivity: Callable[[], Sensitivity],
    ready: Callable[[], TrialContext],
    *,
    num_first: int,
    trials: Path,
) -> Strategy:
    """Return the strategy for trials after the first `num_first`; `trials` has their folders.

    `ready` returns the context with the learning rate and the epoch time, which take a while.
    """
    problem = context.problem
    settings = problem.settings
    if settings.search is None and settings.sparsity.bisects_quality:
        return bisection(context, places_of(problem, scores, sensitivity))
    connected = _connected(
        context, study, scores, sensitivity, ready, num_first=num_first, trials=trials
    )
    strategy: Strategy = build(search_of(problem).strategy, context=connected)
    return strategy


def _connected(
    context: TrialContext,
    study: SweepStudy,
    scores: Mapping[str, Sequence[float]],
    sensitivity: Callable[[], Sensitivity],
    ready: Callable[[], TrialContext],
    *,
    num_first: int,
    trials: Path,
) -> SearchContext:
    """Return the context of a strategy, with functions of this network."""
    problem, settings = context.problem, context.settings
    search, sizes, groups = search_of(problem), _sizes(problem), group_infos(problem)
    max_ratio = search.max_ratio

    def fits(ratios: Ratios) -> bool:
        return not broken_limits(settings.sparsity, problem.costs.cost_of(ratios).at_least())

    def at_most(size: float) -> Callable[[Ratios], bool]:
        return lambda ratios: sizes.size_of(ratios) <= size

    return SearchContext(
        groups=groups,
        objectives=search.objectives,
        sizes=sizes,
        quality=_quality(search.objectives, context.dense.trivial, settings.bytes_of_bits),
        max_ratio=max_ratio,
        seed=settings.seed,
        num_first=num_first,
        fits=fits,
        damage=gate_damage(context) if settings.uses_gate_scores else lambda _parent: sensitivity(),
        proxy=_proxy(context, trials),
        uniform_of_size=cache(
            lambda size: uniform_ratios(groups, at_most(size), max_ratio=max_ratio)
        ),
        global_of_size=lambda size: global_ratios(
            groups, scores, at_most(size), max_ratio=max_ratio
        ),
        affordable_sizes=cache(lambda most: _num_sizes(problem, most, ready().training.epoch_time)),
        has_untrained_front=settings.has_untrained_front,
        compares_ranks=settings.compares_ranks and bool(sizes.ranks),
        ask=study.ask,
        rung=_rung(ready, trials),
        least_epochs=least_epochs(problem.data),
    )


def sensitivity_of(context: TrialContext, file: Path) -> Callable[[], Sensitivity]:
    """Return a function that measures the groups' sensitivity once and writes it to `file`."""
    problem = context.problem
    levels = [level for level in _LEVELS if level <= search_settings(problem.settings).max_ratio]

    @cache
    def sensitivity() -> Sensitivity:
        groups = group_infos(problem)
        with context.watch.on("score"):
            found = measure_sensitivity(groups, dense_divergence(context), levels=levels)
        write_json(file, asdict(found))
        return found

    return sensitivity


def least_epochs(data: TaskData) -> float:
    """The epochs of the shortest training that improves a compensated model."""
    return _LEAST_STEPS / len(data.train_dataloader())


def _num_sizes(problem: Problem, most: int, known: EpochTime | None) -> int:
    half = problem.costs.cost_of({}).macs / 4
    seconds_per_epoch = predicted_seconds(known, half) if known else None
    budget, executor = search_settings(problem.settings).budget, problem.settings.executor
    if budget is not None and budget.unit == "seconds":  # each worker has them
        budget = replace(budget, amount=executor.workers * budget.amount)
    return affordable_sizes(most, budget, seconds_per_epoch)


def gate_damage(context: TrialContext) -> Callable[[TrialResult | None], Damage]:
    """Return the damage by gate scores of the parent's training; for None, of the dense model."""
    dense = {name: values.tolist() for name, values in (context.gates or {}).items()}
    costs = context.costs
    return lambda parent: ChannelDamage.of(
        parent.scores if parent and parent.scores else dense, costs.widths_of
    )


def _proxy(context: TrialContext, trials: Path) -> Callable[[int | None, Ratios], float]:
    """Return the proxy: divergence of the outputs of a trial's or the dense model once pruned."""
    start = lru_cache(maxsize=1)(lambda parent: start_from(context, parent, trials=trials))
    proxy = cache(lambda: proxy_divergences(context))

    def divergence(parent: int | None, ratios: Ratios) -> float:
        with context.watch.on("proxy"):
            return proxy()(start(parent), ratios)

    return divergence


def _rung(
    ready: Callable[[], TrialContext], trials: Path
) -> Callable[[int | None, Ratios, Training], float]:
    """The validation loss of a trial's model, pruned and trained shortly; it is not kept."""

    def loss(parent: int | None, ratios: Ratios, training: Training) -> float:
        context = ready()
        costs, seed = context.costs, context.settings.seed
        widths = costs.widths_of(ratios)
        job = Job(
            -1,
            "rung",
            ratios,
            widths,
            seed,
            parent,
            epochs=training.epochs,
            seconds=training.seconds,
        )
        with context.watch.on("prune"):
            trained = train(context, job, start_from(context, parent, trials=trials))
        return trained.curve[-1].validation_loss

    return loss


def _quality(
    objectives: Mapping[str, Direction], trivial: Mapping[str, float], bytes_of_bits: str | None
) -> FrontAxis:
    """Return the first objective that is a quality; `trivial` are those of that predictor.

    With `bytes_of_bits`, the quantized models of a trial stand for it.
    """
    name = first_quality(objectives)
    if name is None:
        return FrontAxis(lambda _result: None, 0.0)
    sign = 1.0 if objectives[name] == "maximize" else -1.0

    def of(result: TrialResult) -> float | None:
        value = result.metrics.get(name)
        return None if value is None else sign * value

    def quantized(result: TrialResult) -> list[tuple[float, float]]:
        assert bytes_of_bits is not None
        models = [one.metrics for one in result.quantized if one.state == "complete"]
        found = [(one.get(bytes_of_bits), one.get(name)) for one in models]
        return [(b, sign * value) for b, value in found if b is not None and value is not None]

    worst = quantity_of(name).worst
    return FrontAxis(
        of,
        -math.inf if worst is None else sign * worst,
        trivial=sign * trivial[name] if name in trivial else None,
        quantized=quantized if bytes_of_bits else None,
    )


def _sizes(problem: Problem) -> Sizes:
    search = search_of(problem)
    size_of = _size_of(problem, search.objectives)
    choices = choices_of(problem, max_ratio=search.max_ratio)
    ranks = problem.space.ranks
    return Sizes(
        choices=drop_dominated(choices, size_of) if _timed(search.objectives) else choices,
        size_of=size_of,
        macs_of=lambda ratios: float(problem.costs.cost_of(ratios).macs),
        ranks=ranks.groups if ranks else (),
    )


def _timed(objectives: Iterable[str]) -> bool:
    return not set(TIMED).isdisjoint(objectives)


def _joint_size(problem: Problem, ratios: Ratios) -> float:
    """Return the expected bytes of a candidate with few bits for each weight."""
    params = problem.costs.cost_of(ratios).params
    zeros = problem.costs.cost_of({}).params - params if problem.space.layers else 0
    return predicted_bytes(params, TYPICAL_BITS, zeros=zeros)


def _size_of(problem: Problem, objectives: Collection[str]) -> Callable[[Ratios], float]:
    """Return the size of the search: the predicted latency, the parameters or the MACs.

    Where bits are searched, the bytes with the bits that a small and good model typically has, so
    that a candidate stands beside the quantized models of others.
    """
    if problem.settings.bytes_of_bits is not None:
        return partial(_joint_size, problem)
    if _timed(objectives):
        dense_macs = problem.costs.cost_of({}).macs

        def latency_of(ratios: Ratios) -> float:
            cost = problem.costs.cost_of(ratios)
            assert cost.latency_ms is not None
            # Latency is a step function of the widths; MACs decide between equally fast candidates.
            return cost.latency_ms * (1 + _TIE * cost.macs / dense_macs)

        return latency_of
    size = "params" if "params" in objectives and "macs" not in objectives else "macs"
    return lambda ratios: float(getattr(problem.costs.cost_of(ratios), size))
