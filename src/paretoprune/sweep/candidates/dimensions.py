"""The dimensions of a search: the groups, with caps, blocks and ranks, and their ratios."""

from __future__ import annotations

from collections.abc import Sequence

from paretoprune.problem.problem import Problem
from paretoprune.pruning.groups import Group
from paretoprune.results import GroupInfo
from paretoprune.search.allocation.sensitivity import distinct_ratios

_AFTER_CHANNELS = 0.95  # the uniform ratio from which blocks go, too


def group_infos(problem: Problem) -> list[GroupInfo]:
    """Return the dimensions of the search."""
    groups, cap_of = problem.groups.prunable, problem.costs.cap_of
    turns, break_even = _turns(groups), _break_even(problem)
    return [
        GroupInfo(g.name, g.width, cap_of(g.name), turns.get(g.name), break_even.get(g.name))
        for g in groups
    ]


def _break_even(problem: Problem) -> dict[str, float]:
    """Return the ratios from which factored layers are smaller, by the group of their rank.

    Uniform candidates of a search leave ranks whole: they are the control with channels alone. None
    where uniform pruning has ranks alone to prune, or is the allocation of a single run.
    """
    ranks = problem.space.ranks
    if not ranks or problem.settings.search is None:
        return {}
    if len(ranks.layers) == len(problem.groups.prunable):
        return {}
    return {layer.group: 1 - layer.dense_most / layer.full_rank for layer in ranks.layers}


def _turns(groups: Sequence[Group]) -> dict[str, float]:
    """Return the ratio at which uniform pruning removes each block.

    After the channels, if there are any; else spread evenly over the network, so that a ratio
    removes that share of the blocks.
    """
    blocks = [group.name for group in groups if group.block]
    if len(blocks) < len(groups):
        return dict.fromkeys(blocks, _AFTER_CHANNELS)
    # The van der Corput sequence: the binary digits of their numbers, reversed.
    digits = len(f"{len(blocks):b}")
    order = sorted(range(len(blocks)), key=lambda number: f"{number:0{digits}b}"[::-1])
    return {blocks[one]: (place + 1) / (len(blocks) + 1) for place, one in enumerate(order)}


def choices_of(problem: Problem, *, max_ratio: float) -> dict[str, tuple[float, ...]]:
    """Return the ratios that a group can have: one per width, at most 64 for layers of weights."""
    most = {"most": 64} if problem.space.layers else {}
    infos, widths_of = group_infos(problem), problem.costs.widths_of
    return distinct_ratios(infos, widths_of, max_ratio=max_ratio, **most)
