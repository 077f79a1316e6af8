"""The strategy that the settings name, connected to the network that it searches."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path

from paretoprune.cli.first import choices_of, group_infos, places_of, search_of
from paretoprune.files import write_json
from paretoprune.outline import Outline
from paretoprune.prepare import Prepared, divergence
from paretoprune.results import TIMED
from paretoprune.search import (
    Chain,
    Drop,
    Full,
    Ledger,
    Sensitivity,
    Strategy,
    broken_limits,
    measure_sensitivity,
    worthwhile,
)

_LEVELS = (0.25, 0.5, 0.75, 0.9)  # the ratios at which a group's sensitivity is measured

_TIE = 1e-6


def strategy_of(
    prepared: Prepared,
    ledger: Ledger,
    scores: Mapping[str, Sequence[float]],
    sensitivity: Callable[[], Sensitivity],
    *,
    num_first: int,
) -> Strategy:
    """The strategy for all trials after the first `num_first`."""
    task = prepared.outline
    search = search_of(task.settings)

    def fits(ratios: Mapping[str, float]) -> bool:
        return not broken_limits(task.settings.sparsity, task.cost_of(ratios).at_least())

    drop = task.settings.sparsity.accuracy_drop
    if task.settings.search is None and drop is not None:
        return Drop(places_of(task, scores, sensitivity), drop)
    if search.strategy == "full":
        return Full(ledger, fits, search.max_ratio)
    size_of = _size_of(task, search.objectives)
    choices = choices_of(task, max_ratio=search.max_ratio)
    return Chain(
        choices=worthwhile(choices, size_of) if _timed(search.objectives) else choices,
        size_of=size_of,
        fits=fits,
        sensitivity=sensitivity,
        num_links=max(1, search.n_trials - num_first),
    )


def sensitivity_of(prepared: Prepared, file: Path) -> Callable[[], Sensitivity]:
    """What measures the groups' sensitivity when it is first called, and keeps it in `file`."""
    task = prepared.outline
    levels = [level for level in _LEVELS if level <= search_of(task.settings).max_ratio]

    @cache
    def sensitivity() -> Sensitivity:
        groups = group_infos(task)
        found = measure_sensitivity(groups, lambda r: divergence(prepared, r), levels=levels)
        write_json(file, asdict(found))
        return found

    return sensitivity


def _timed(objectives: Iterable[str]) -> bool:
    return not set(TIMED).isdisjoint(objectives)


def _size_of(task: Outline, objectives: Collection[str]) -> Callable[[Mapping[str, float]], float]:
    """What a strategy calls the size: the forecast latency, the parameters or the MACs."""
    if _timed(objectives):
        dense_macs = task.cost_of({}).macs

        def latency_of(ratios: Mapping[str, float]) -> float:
            cost = task.cost_of(ratios)
            assert cost.latency_ms is not None
            # Time stands still between the edges of its stairs; MACs decide what is equally fast.
            return cost.latency_ms * (1 + _TIE * cost.macs / dense_macs)

        return latency_of
    size = "params" if "params" in objectives and "macs" not in objectives else "macs"
    return lambda ratios: float(getattr(task.cost_of(ratios), size))
