"""The strategy that the settings name, connected to the network that it searches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path

from paretoprune.cli.first import group_infos, search_of
from paretoprune.files import write_json
from paretoprune.prepare import Prepared, divergence
from paretoprune.results import Metrics
from paretoprune.search import (
    Chain,
    Full,
    Ledger,
    Strategy,
    broken_limits,
    distinct_ratios,
    measure_sensitivity,
)
from paretoprune.search.sensitivity import Sensitivity

_LEVELS = (0.25, 0.5, 0.75, 0.9)  # the ratios at which a group's sensitivity is measured


def strategy_of(
    prepared: Prepared, ledger: Ledger, *, num_first: int, sensitivity_file: Path
) -> Strategy:
    """The strategy for all trials after the first `num_first`.

    If it measures the groups' sensitivity, that is kept in `sensitivity_file` for the report.
    """
    task = prepared.outline
    search, groups = search_of(task.settings), group_infos(task)

    def fits(ratios: Mapping[str, float]) -> bool:
        cost = task.cost_of(ratios)
        known = Metrics(params=cost.params, macs=cost.macs)
        return not broken_limits(task.settings.sparsity, known)

    if search.strategy == "full":
        return Full(ledger, fits, search.max_ratio)
    size = "params" if "params" in search.objectives and "macs" not in search.objectives else "macs"

    @cache
    def sensitivity() -> Sensitivity:
        levels = [level for level in _LEVELS if level <= search.max_ratio]
        found = measure_sensitivity(groups, lambda r: divergence(prepared, r), levels=levels)
        write_json(sensitivity_file, asdict(found))
        return found

    return Chain(
        choices=distinct_ratios(groups, task.widths_of, max_ratio=search.max_ratio),
        size_of=lambda ratios: float(getattr(task.cost_of(ratios), size)),
        fits=fits,
        sensitivity=sensitivity,
        num_links=max(1, search.n_trials - num_first),
    )
