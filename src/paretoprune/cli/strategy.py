"""The strategy that the settings name, connected to the network that it searches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from paretoprune.cli.first import group_infos, search_of
from paretoprune.prepare import Prepared, divergence
from paretoprune.pruning import normalise
from paretoprune.results import Metrics, TrialResult
from paretoprune.search import (
    Chain,
    Family,
    Full,
    Halving,
    Ledger,
    Sizes,
    Strategy,
    broken_limits,
    distinct_ratios,
    global_ratios_that_fit,
    measure_sensitivity,
    uniform_ratios,
)
from paretoprune.search.sensitivity import ChannelDamage, Damage, Sensitivity

Ratios = Mapping[str, float]

_LEVELS = (0.25, 0.5, 0.75, 0.9)  # the ratios at which a group's sensitivity is measured


def strategy_of(prepared: Prepared, ledger: Ledger, *, num_first: int) -> Strategy:
    """The strategy for all trials after the first `num_first`."""
    task = prepared.outline
    search, sizes = search_of(task.settings), _sizes(prepared)

    def fits(ratios: Ratios) -> bool:
        cost = task.cost_of(ratios)
        known = Metrics(params=cost.params, macs=cost.macs)
        return not broken_limits(task.settings.sparsity, known)

    if search.strategy in ("full", "halving"):
        spread = sizes if search.log_sizes else None
        full = Full(ledger, fits, search.max_ratio, log_sizes=spread, seed=task.settings.seed)
        halving = search.strategy == "halving"
        return Halving(full, search.objectives, num_first) if halving else full
    if search.strategy in ("uniform", "global"):
        member = _uniform(prepared) if search.strategy == "uniform" else _global(prepared)
        return Family(search.strategy, member, sizes, search.num_sizes, num_first)
    damage = _sensitivity(prepared) if search.strategy == "chain" else _gates(prepared)
    return Chain(search.strategy, sizes, fits, damage, search.num_sizes)


def _sizes(prepared: Prepared) -> Sizes:
    task = prepared.outline
    search = search_of(task.settings)
    size = "params" if "params" in search.objectives and "macs" not in search.objectives else "macs"
    return Sizes(
        choices=distinct_ratios(group_infos(task), task.widths_of, max_ratio=search.max_ratio),
        size_of=lambda ratios: float(getattr(task.cost_of(ratios), size)),
        macs_of=lambda ratios: float(task.cost_of(ratios).macs),
    )


def _uniform(prepared: Prepared) -> Callable[[float], Ratios]:
    groups, sizes = group_infos(prepared.outline), _sizes(prepared)
    max_ratio = search_of(prepared.outline.settings).max_ratio
    return lambda size: uniform_ratios(
        groups, lambda ratios: sizes.size_of(ratios) <= size, max_ratio=max_ratio
    )


def _global(prepared: Prepared) -> Callable[[float], Ratios]:
    scores = {name: values.tolist() for name, values in normalise(prepared.scores).items()}
    sizes, max_ratio = _sizes(prepared), search_of(prepared.outline.settings).max_ratio
    return lambda size: global_ratios_that_fit(
        scores, lambda ratios: sizes.size_of(ratios) <= size, max_ratio=max_ratio
    )


def _sensitivity(prepared: Prepared) -> Callable[[TrialResult | None], Damage]:
    """The map of the dense model, measured once; it serves every link."""
    task = prepared.outline
    levels = [level for level in _LEVELS if level <= search_of(task.settings).max_ratio]

    @cache
    def found() -> Sensitivity:
        return measure_sensitivity(
            group_infos(task), lambda r: divergence(prepared, r), levels=levels
        )

    return lambda _parent: found()


def _gates(prepared: Prepared) -> Callable[[TrialResult | None], Damage]:
    """What the parent's own training said of its channels; of the dense model, its scores."""
    dense = {name: values.tolist() for name, values in prepared.scores.items()}
    widths_of = prepared.outline.widths_of
    return lambda parent: ChannelDamage.of(
        parent.scores if parent and parent.scores else dense, widths_of
    )
