"""The strategy that the settings name, connected to the network that it searches."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import cache, lru_cache
from pathlib import Path

from paretoprune.cli.first import choices_of, group_infos, places_of, search_of
from paretoprune.config import Settings
from paretoprune.files import write_json
from paretoprune.glance import dense_divergence, glances
from paretoprune.outline import Outline
from paretoprune.prepare import Prepared
from paretoprune.results import QUALITIES, TIMED, Direction, TrialResult
from paretoprune.search import (
    Chain,
    Drop,
    Family,
    Full,
    Halving,
    InTurn,
    Ledger,
    Quality,
    Refill,
    Sizes,
    Sketch,
    Strategy,
    affordable_sizes,
    broken_limits,
    global_ratios,
    measure_sensitivity,
    uniform_ratios,
    worthwhile,
)
from paretoprune.search.sensitivity import ChannelDamage, Damage, Sensitivity
from paretoprune.trial import start_from

Ratios = Mapping[str, float]

_LEVELS = (0.25, 0.5, 0.75, 0.9)  # the ratios at which a group's sensitivity is measured

_TIE = 1e-6
_SPARE = 0.1  # of a chain's budget: what fills its gaps


def strategy_of(
    prepared: Prepared,
    ledger: Ledger,
    scores: Mapping[str, Sequence[float]],
    sensitivity: Callable[[], Sensitivity],
    *,
    num_first: int,
    trials: Path,
) -> Strategy:
    """The strategy for all trials after the first `num_first`, whose folders lie in `trials`."""
    task = prepared.outline
    drop = task.settings.sparsity.accuracy_drop
    if task.settings.search is None and drop is not None:
        return Drop(places_of(task, scores, sensitivity), drop)
    search, sizes = search_of(task.settings), _sizes(task)

    def fits(ratios: Ratios) -> bool:
        return not broken_limits(task.settings.sparsity, task.cost_of(ratios).at_least())

    if search.strategy in ("full", "halving"):
        spread = sizes if search.log_sizes else None
        full = Full(ledger, fits, search.max_ratio, log_sizes=spread, seed=task.settings.seed)
        halving = search.strategy == "halving"
        return Halving(full, search.objectives, num_first) if halving else full
    if search.strategy in ("uniform", "global"):
        member = _member(task, scores, sizes)
        return Family(search.strategy, member, sizes, _num_sizes(prepared), num_first)
    gates = task.settings.goes_by_gates
    damage = _gates(prepared) if gates else lambda _parent: sensitivity()
    uniform = _uniform(task, sizes)
    look = _look(prepared, trials)
    seed = task.settings.seed
    chain = Chain(
        search.strategy, sizes, fits, damage, uniform, look, _num_sizes(prepared), _SPARE, seed
    )
    quality = _quality(search.objectives)
    refill = Refill(sizes, quality, fits, damage, search.min_gain)
    if not _is_sketchable(task.settings):
        return InTurn((chain, refill))
    return InTurn((Sketch(sizes, quality, fits, damage), chain, refill))


def _is_sketchable(settings: Settings) -> bool:
    """Whether a cut is worth a look before training, and does not take a trial's place."""
    return (
        settings.search is not None
        and settings.search.budget is not None
        and settings.search.budget.unit != "trials"
        and settings.schedule.name == "one_shot"
        and settings.compensation_method is not None
    )


def _quality(objectives: Mapping[str, Direction]) -> Quality:
    """The first objective that says how well a model does."""
    name = next((n for n in objectives if n in QUALITIES), None)
    if name is None:
        return Quality(lambda _result: None, 0.0)
    sign = 1.0 if objectives[name] == "maximize" else -1.0

    def of(result: TrialResult) -> float | None:
        value = getattr(result.metrics, name)
        return None if value is None else sign * value

    return Quality(of, 0.0 if sign > 0 else -math.inf)


def _num_sizes(prepared: Prepared) -> int:
    search = search_of(prepared.outline.settings)
    return affordable_sizes(search.num_sizes, search.budget, prepared.seconds_per_epoch)


def _look(prepared: Prepared, trials: Path) -> Callable[[int | None, Ratios], float]:
    """How far a cut of a trial's model, or of the dense one, moves its outputs untrained."""
    start = lru_cache(maxsize=1)(lambda parent: start_from(prepared, parent, trials=trials))
    glance = cache(lambda: glances(prepared))
    return lambda parent, ratios: glance()(start(parent), ratios)


def sensitivity_of(prepared: Prepared, file: Path) -> Callable[[], Sensitivity]:
    """What measures the groups' sensitivity when it is first called, and keeps it in `file`."""
    task = prepared.outline
    levels = [level for level in _LEVELS if level <= search_of(task.settings).max_ratio]

    @cache
    def sensitivity() -> Sensitivity:
        groups = group_infos(task)
        found = measure_sensitivity(groups, dense_divergence(prepared), levels=levels)
        write_json(file, asdict(found))
        return found

    return sensitivity


def _sizes(task: Outline) -> Sizes:
    search = search_of(task.settings)
    size_of = _size_of(task, search.objectives)
    choices = choices_of(task, max_ratio=search.max_ratio)
    return Sizes(
        choices=worthwhile(choices, size_of) if _timed(search.objectives) else choices,
        size_of=size_of,
        macs_of=lambda ratios: float(task.cost_of(ratios).macs),
    )


def _member(
    task: Outline, scores: Mapping[str, Sequence[float]], sizes: Sizes
) -> Callable[[float], Ratios]:
    """The member of a family, uniform or global, that has at most a size."""
    groups, search = group_infos(task), search_of(task.settings)
    if search.strategy == "uniform":
        return _uniform(task, sizes)
    return lambda size: global_ratios(
        groups, scores, lambda ratios: sizes.size_of(ratios) <= size, max_ratio=search.max_ratio
    )


def _uniform(task: Outline, sizes: Sizes) -> Callable[[float], Ratios]:
    """The largest uniform candidate that has at most a size."""
    groups, search = group_infos(task), search_of(task.settings)
    return cache(
        lambda size: uniform_ratios(
            groups, lambda ratios: sizes.size_of(ratios) <= size, max_ratio=search.max_ratio
        )
    )


def _gates(prepared: Prepared) -> Callable[[TrialResult | None], Damage]:
    """What the parent's own training said of its channels; of the dense model, its scores."""
    dense = {name: values.tolist() for name, values in (prepared.gates or {}).items()}
    widths_of = prepared.outline.widths_of
    return lambda parent: ChannelDamage.of(
        parent.scores if parent and parent.scores else dense, widths_of
    )


def _timed(objectives: Iterable[str]) -> bool:
    return not set(TIMED).isdisjoint(objectives)


def _size_of(task: Outline, objectives: Collection[str]) -> Callable[[Ratios], float]:
    """What a strategy calls the size: the forecast latency, the parameters or the MACs."""
    if _timed(objectives):
        dense_macs = task.cost_of({}).macs

        def latency_of(ratios: Ratios) -> float:
            cost = task.cost_of(ratios)
            assert cost.latency_ms is not None
            # Time stands still between the edges of its stairs; MACs decide what is equally fast.
            return cost.latency_ms * (1 + _TIE * cost.macs / dense_macs)

        return latency_of
    size = "params" if "params" in objectives and "macs" not in objectives else "macs"
    return lambda ratios: float(getattr(task.cost_of(ratios), size))
