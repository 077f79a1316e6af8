"""The candidates that every sweep starts with: dense, uniform, and a global ranking by score."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from paretoprune.results import Cost, GroupInfo, Proposal

Ratios = Mapping[str, float]
CostOf = Callable[[Ratios], Cost]  # exact, without building a model


def baselines(
    groups: Sequence[GroupInfo],
    scores: Mapping[str, Sequence[float]],
    cost_of: CostOf,
    *,
    ratios: Sequence[float],
    max_ratio: float,
) -> list[Proposal]:
    """The dense model, uniform pruning at each ratio, and global ranking at the same MACs.

    `scores` must be comparable across groups.
    """
    found = [Proposal(uniform(groups, 0.0), "dense")]
    for ratio in sorted(ratios):
        same = uniform(groups, ratio)
        found.append(Proposal(same, "uniform"))
        ranked = global_ratios(scores, cost_of, max_macs=cost_of(same).macs, max_ratio=max_ratio)
        found.append(Proposal(ranked, "global"))
    return found


def uniform(groups: Sequence[GroupInfo], ratio: float) -> dict[str, float]:
    """The same ratio for every group."""
    return {group.name: ratio for group in groups}


def uniform_ratios(
    groups: Sequence[GroupInfo], fits: Callable[[Ratios], bool], *, max_ratio: float
) -> dict[str, float]:
    """The smallest uniform ratio that fits, to 1e-4; `max_ratio` where none does."""
    grid = np.linspace(0, max_ratio, round(max_ratio * 10_000) + 1)
    return _first_that_fits([float(ratio) for ratio in grid], lambda r: uniform(groups, r), fits)


def global_ratios(
    scores: Mapping[str, Sequence[float]], cost_of: CostOf, *, max_macs: float, max_ratio: float
) -> dict[str, float]:
    """Remove what scores below one threshold for all groups: the lowest that meets `max_macs`."""
    return global_ratios_that_fit(
        scores, lambda ratios: cost_of(ratios).macs <= max_macs, max_ratio=max_ratio
    )


def global_ratios_that_fit(
    scores: Mapping[str, Sequence[float]], fits: Callable[[Ratios], bool], *, max_ratio: float
) -> dict[str, float]:
    """As `global_ratios`, for any condition that stays true as more is removed."""
    ordered = {name: np.sort(np.asarray(values)) for name, values in scores.items()}

    def below(threshold: float) -> dict[str, float]:
        counts = {n: np.searchsorted(s, threshold, side="right") for n, s in ordered.items()}
        return {n: min(max_ratio, float(c) / len(ordered[n])) for n, c in counts.items()}

    thresholds = np.unique(np.concatenate(list(ordered.values())))
    return _first_that_fits([-np.inf, *thresholds.tolist()], below, fits)


def _first_that_fits(
    levels: Sequence[float],
    ratios_at: Callable[[float], dict[str, float]],
    fits: Callable[[Ratios], bool],
) -> dict[str, float]:
    """Bisection: sizes fall as the level rises, so the levels that fit are the last ones."""
    low, high = 0, len(levels) - 1
    while low < high:
        middle = (low + high) // 2
        if fits(ratios_at(levels[middle])):
            high = middle
        else:
            low = middle + 1
    return ratios_at(levels[low])


def repair_ratios(ratios: Ratios, fits: Callable[[Ratios], bool], *, max_ratio: float) -> Ratios:
    """The ratios, all moved towards `max_ratio` by the least share that makes them fit."""
    if fits(ratios):
        return ratios

    def moved(share: float) -> dict[str, float]:
        return {name: ratio + share * (max_ratio - ratio) for name, ratio in ratios.items()}

    return _first_that_fits([k / 1000 for k in range(1001)], moved, fits)
