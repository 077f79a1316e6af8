"""The strategy that the settings name, connected to the network that it searches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache

from paretoprune.cli.first import choices_of, group_infos, places_of, search_of
from paretoprune.prepare import Prepared, divergence
from paretoprune.results import Metrics
from paretoprune.search import (
    Chain,
    Drop,
    Full,
    Ledger,
    Sensitivity,
    Strategy,
    broken_limits,
    measure_sensitivity,
)

_LEVELS = (0.25, 0.5, 0.75, 0.9)  # the ratios at which a group's sensitivity is measured


def sensitivity_of(prepared: Prepared) -> Callable[[], Sensitivity]:
    """How much each group matters, measured when it is first asked for."""
    task = prepared.outline
    levels = [level for level in _LEVELS if level <= search_of(task.settings).max_ratio]

    @cache
    def sensitivity() -> Sensitivity:
        groups = group_infos(task)
        return measure_sensitivity(groups, lambda r: divergence(prepared, r), levels=levels)

    return sensitivity


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
        cost = task.cost_of(ratios)
        known = Metrics(params=cost.params, macs=cost.macs)
        return not broken_limits(task.settings.sparsity, known)

    drop = task.settings.sparsity.accuracy_drop
    if task.settings.search is None and drop is not None:
        return Drop(places_of(task, scores, sensitivity), drop)
    if search.strategy == "full":
        return Full(ledger, fits, search.max_ratio)
    size = "params" if "params" in search.objectives and "macs" not in search.objectives else "macs"
    return Chain(
        choices=choices_of(task, max_ratio=search.max_ratio),
        size_of=lambda ratios: float(getattr(task.cost_of(ratios), size)),
        fits=fits,
        sensitivity=sensitivity,
        num_links=max(1, search.n_trials - num_first),
    )
