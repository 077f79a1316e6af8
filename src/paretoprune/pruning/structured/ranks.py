"""Ranks in plans and groups: layers that are replaced by low-rank pairs once channels are removed.

The components of a layer form a group without slots, `PATH.rank`: they lie in no tensor of the
network. A plan that removes some of them replaces the layer by a pair of the remaining rank, if
that is smaller.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from paretoprune.low_rank.ranks import rank_group
from paretoprune.pruning.groups import Group, Slot, gone_blocks
from paretoprune.pruning.structured.plan import Plan


def ranks_of(groups: Sequence[Group], factored: Sequence[str], plan: Plan) -> dict[str, int]:
    """Return the rank of every layer of which the plan removes components, by path."""
    widths, blocks = plan.widths(groups), gone_blocks(groups, plan.removed)
    return {
        path: widths[rank_group(path)]
        for path in factored
        if plan.removed.get(rank_group(path)) and not any(block.holds(path) for block in blocks)
    }


def without_ranks(plan: Plan, factored: Sequence[str]) -> Plan:
    """Return the plan's channels alone, which leaves all layers whole."""
    ranks = {rank_group(path) for path in factored}
    return Plan({name: gone for name, gone in plan.removed.items() if name not in ranks})


def in_pairs(groups: Sequence[Group], paths: Collection[str]) -> tuple[Group, ...]:
    """Return the groups for a network with pairs in place of the layers at these paths.

    Inputs of a layer are those of its first part, outputs and bias those of its second.
    """
    if not paths:
        return tuple(groups)
    return tuple(
        replace(group, slots=tuple(_in_pair(slot, paths) for slot in group.slots))
        for group in groups
    )


def _in_pair(slot: Slot, paths: Collection[str]) -> Slot:
    path, _, name = slot.tensor.rpartition(".")
    if path not in paths:
        return slot
    part = "first" if name == "weight" and slot.dim == 1 else "second"
    return replace(slot, tensor=f"{path}.{part}.{name}")
