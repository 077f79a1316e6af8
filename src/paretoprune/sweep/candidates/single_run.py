"""The candidates of a single run: the target of its settings, divided among the groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache

from paretoprune.config.instantiate import build
from paretoprune.config.name_patterns import matches
from paretoprune.config.targets.signatures import has_trait
from paretoprune.low_rank.ranks import rank_group
from paretoprune.problem.problem import Problem
from paretoprune.search.allocation.baselines import uniform
from paretoprune.search.allocation.methods.interface import Allocation, AllocationContext
from paretoprune.search.allocation.paths import different_places
from paretoprune.search.allocation.sensitivity import Sensitivity
from paretoprune.sweep.candidates.dimensions import choices_of, group_infos

Ratios = Mapping[str, float]

MAX_RATIO = 0.99  # the rounding keeps at least one channel
_DEFAULT_TARGET = ("macs", 0.5)
_MOST_PLACES = 127  # that a bisection for a drop of quality tells apart, in seven trials


def candidate_of(
    problem: Problem,
    scores: Mapping[str, Sequence[float]],
    sensitivity: Callable[[], Sensitivity],
) -> Ratios:
    """Return the candidate of the target of the settings, if it is not a drop."""
    sparsity, groups = problem.settings.sparsity, group_infos(problem)
    if sparsity.ratio is not None:
        return uniform(groups, sparsity.ratio)
    if sparsity.ratios is not None:
        asked = {group.name: matches(sparsity.ratios, group.name) for group in groups}
        return {name: ratios[-1] if ratios else 0.0 for name, ratios in asked.items()}
    if has_trait(problem.settings.schedule, "stops_at_target"):
        return uniform(groups, MAX_RATIO)
    quantity, share = sparsity.size_target or _DEFAULT_TARGET
    most = share * problem.costs.quantity_of({}, quantity)
    return _allocation(problem).of_size(_context(problem, scores, sensitivity), most)


def places_of(
    problem: Problem,
    scores: Mapping[str, Sequence[float]],
    sensitivity: Callable[[], Sensitivity],
) -> list[dict[str, float]]:
    """Return the candidates of a run with a drop of quality: falling sizes of the allocation."""
    path = _allocation(problem).path(_context(problem, scores, sensitivity))
    return different_places(path, problem.costs.widths_of, most=_MOST_PLACES)


def _allocation(problem: Problem) -> Allocation:
    allocation: Allocation = build(problem.settings.allocation)
    return allocation


def _context(
    problem: Problem,
    scores: Mapping[str, Sequence[float]],
    sensitivity: Callable[[], Sensitivity],
) -> AllocationContext:
    """Return the names, numbers and functions that an allocation uses."""
    quantity, _ = problem.settings.sparsity.size_target or _DEFAULT_TARGET
    return AllocationContext(
        groups=group_infos(problem),
        max_ratio=MAX_RATIO,
        scores=scores,
        shapes=_weight_shapes(problem),
        size_of=lambda ratios: problem.costs.quantity_of(ratios, quantity),
        widths_of=problem.costs.widths_of,
        choices=cache(lambda: choices_of(problem, max_ratio=MAX_RATIO)),
        sensitivity=sensitivity,
    )


def _weight_shapes(problem: Problem) -> dict[str, list[tuple[int, ...]]]:
    """Return the shapes of the weights, without vectors, that belong to each group."""
    shapes = {name: tuple(p.shape) for name, p in problem.model.named_parameters() if p.dim() > 1}
    paths = {rank_group(path): path for path in problem.groups.factored}
    found = {}
    for group in problem.groups.prunable:
        names = {slot.tensor for slot in group.slots} or {
            f"{paths.get(group.name, group.name)}.weight"
        }
        if group.block:
            names = {name for name in shapes if group.block.holds(name)}
        found[group.name] = [shapes[name] for name in sorted(names) if name in shapes]
    return found
