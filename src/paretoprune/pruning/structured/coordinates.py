"""Translation of plans and groups to the coordinates of pruned models.

Schedules and warm starts need it: the index of a dense channel changes as soon as a channel before
it is removed.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace

from paretoprune.errors import PruningError
from paretoprune.pruning.groups import Block, Group, Slot, gone_blocks
from paretoprune.pruning.structured.apply import removed_positions
from paretoprune.pruning.structured.plan import Plan


def remaining(groups: Sequence[Group], plan: Plan) -> dict[str, tuple[int, ...]]:
    """Return the channels of each group that the plan keeps, by their dense indices."""
    plan.check(groups)
    return {
        group.name: _others(group.width, set(plan.removed.get(group.name, ()))) for group in groups
    }


def restrict_groups(groups: Sequence[Group], plan: Plan) -> tuple[Group, ...]:
    """Return the groups in the coordinates of the model that the plan leaves."""
    removed = removed_positions(groups, plan)
    before = {
        (tensor, dim): sorted(positions)
        for tensor, dims in removed.items()
        for dim, positions in dims.items()
    }
    stays = remaining(groups, plan)
    groups = _outside(groups, gone_blocks(groups, plan.removed))
    return tuple(
        replace(
            group,
            width=len(stays[group.name]),
            slots=tuple(_restrict(slot, stays[group.name], before) for slot in group.slots),
        )
        for group in groups
    )


def _outside(groups: Sequence[Group], blocks: Sequence[Block]) -> Sequence[Group]:
    """Restrict the groups to the tensors and modules outside of removed blocks.

    A group may be left without a slot: then nothing depends on its channels any more.
    """

    def stays(name: str) -> bool:
        return not any(block.holds(name) for block in blocks)

    return (
        groups
        if not blocks
        else [
            replace(
                group,
                slots=tuple(slot for slot in group.slots if stays(slot.tensor)),
                numbers=tuple(number for number in group.numbers if stays(number.module)),
                scaled_matmuls=tuple(work for work in group.scaled_matmuls if stays(work[0])),
                caches=tuple(cache for cache in group.caches if stays(cache)),
            )
            for group in groups
        ]
    )


def compose(groups: Sequence[Group], first: Plan, second: Plan) -> Plan:
    """Return one plan for the dense model equivalent to `first` followed by `second`.

    `groups` and `first` are in dense coordinates, `second` in those of the model `first` leaves.
    """
    stays = remaining(groups, first)
    second.check(restrict_groups(groups, first))
    return Plan(
        {
            name: (*first.removed.get(name, ()), *(kept[c] for c in second.removed.get(name, ())))
            for name, kept in stays.items()
        }
    )


def relative_plan(groups: Sequence[Group], wider: Plan, narrower: Plan) -> Plan:
    """Return the plan that prunes the model of `wider` to the model of `narrower`.

    All arguments are in dense coordinates, the result is in those of the wider model, for
    `restrict_groups(groups, wider)`.

    Raises:
        PruningError: `narrower` keeps a channel that `wider` has removed.
    """
    narrower.check(groups)
    result: dict[str, tuple[int, ...]] = {}
    for name, kept in remaining(groups, wider).items():
        gone = set(narrower.removed.get(name, ()))
        if not gone.issuperset(wider.removed.get(name, ())):
            raise PruningError(
                f"group `{name}`: the narrower plan keeps channels that the wider one has removed"
            )
        result[name] = tuple(number for number, channel in enumerate(kept) if channel in gone)
    return Plan(result)


def _others(width: int, gone: set[int]) -> tuple[int, ...]:
    return tuple(channel for channel in range(width) if channel not in gone)


def _restrict(
    slot: Slot, channels: Sequence[int], removed: dict[tuple[str, int], list[int]]
) -> Slot:
    gone = removed.get((slot.tensor, slot.dim), [])
    positions = tuple(
        tuple(position - bisect_left(gone, position) for position in slot.positions[channel])
        for channel in channels
    )
    return Slot(slot.tensor, slot.dim, positions)
