"""Baseline candidates of every sweep: dense, uniform, and global ranking by score."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from paretoprune.results import Cost, GroupInfo, Proposal
from paretoprune.search.allocation.paths import Path, first_place, ranking_path, uniform_path

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
    """Return the dense model, uniform pruning at each ratio, and global ranking at the same MACs.

    `scores` must be comparable across groups.
    """
    found = [Proposal(uniform(groups, 0.0), "dense", epochs=0.0)]
    for ratio in sorted(ratios):
        same = uniform(groups, ratio)
        found.append(Proposal(same, "uniform"))
        fits = _at_most(cost_of(same).macs, cost_of)
        ranked = global_ratios(groups, scores, fits, max_ratio=max_ratio)
        found.append(Proposal(ranked, "global"))
    return found


def uniform(groups: Sequence[GroupInfo], ratio: float) -> dict[str, float]:
    """Return the same ratio for every group, limited by its cap."""
    return {group.name: group.uniform(ratio) for group in groups}


def uniform_ratios(
    groups: Sequence[GroupInfo], fits: Callable[[Ratios], bool], *, max_ratio: float
) -> dict[str, float]:
    """Return the smallest uniform ratios that fit, to 1e-4; `max_ratio` if none do."""
    return _first_of(uniform_path(groups, max_ratio=max_ratio), fits)


def global_ratios(
    groups: Sequence[GroupInfo],
    scores: Mapping[str, Sequence[float]],
    fits: Callable[[Ratios], bool],
    *,
    max_ratio: float,
) -> dict[str, float]:
    """Remove all channels below one global score threshold: the lowest threshold that fits.

    `fits` must be monotone: once true, it stays true as more is removed.
    """
    return _first_of(ranking_path(groups, scores, max_ratio=max_ratio), fits)


def _at_most(macs: float, cost_of: CostOf) -> Callable[[Ratios], bool]:
    return lambda ratios: cost_of(ratios).macs <= macs


def _first_of(path: Path, fits: Callable[[Ratios], bool]) -> dict[str, float]:
    return path.at(first_place(path.length, lambda place: fits(path.at(place))))


def repair_ratios(ratios: Ratios, fits: Callable[[Ratios], bool], *, max_ratio: float) -> Ratios:
    """Return the ratios moved towards `max_ratio` by the smallest share that makes them fit."""
    if fits(ratios):
        return ratios

    def moved(thousandths: int) -> dict[str, float]:
        share = thousandths / 1000
        return {name: ratio + share * (max_ratio - ratio) for name, ratio in ratios.items()}

    return moved(first_place(1001, lambda thousandths: fits(moved(thousandths))))
