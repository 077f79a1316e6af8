"""Dependency groups: channels that are removed together, as index positions in state-dict tensors.

A group does not know layer types. Slicing, masking, counting, scoring and saving are loops over its
slots, by tensor name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from paretoprune.results import GroupInfo
from paretoprune.results.groups import KeptGroup

_MOST_POSITIONS = 2**24  # per group and dimension; guards against corrupt files


@dataclass(frozen=True)
class Slot:
    """The positions of a group's channels in one tensor.

    `positions[c]` are the indices along dimension `dim` of the state-dict tensor `tensor` that
    belong to channel c: one for a convolution, several where a flatten spreads a channel over many
    inputs of a linear layer, or where a grouped convolution can only lose whole groups. All
    channels have the same number of positions, and no index belongs to two channels.
    """

    tensor: str
    dim: int
    positions: tuple[tuple[int, ...], ...]

    @property
    def per_channel(self) -> int:
        """Number of positions per channel."""
        return len(self.positions[0])


@dataclass(frozen=True)
class Number:
    """An integer attribute of a module, such as `num_heads`, that depends on the group's width.

    Each removed channel lowers it by `per_channel`. For a list or tuple of integers, `index`
    selects the entry.
    """

    module: str
    attribute: str
    per_channel: int
    index: int | None = None


@dataclass(frozen=True)
class Block:
    """A residual block that can be removed as a whole: the module at `path`.

    With the parameters `zeroed_params` set to zero, its branches contribute nothing, and the block
    reduces to its shortcut followed by the activation `replacement` (a class name of `torch.nn`).
    """

    path: str
    replacement: str
    zeroed_params: tuple[str, ...]

    def holds(self, name: str) -> bool:
        """Return True if the module or state-dict tensor `name` lies inside the block."""
        return name == self.path or name.startswith(f"{self.path}.")


@dataclass(frozen=True)
class Group:
    """Channels 0 to `width` - 1 that can be removed only together wherever they occur.

    A channel of a group is the unit of structured pruning (a dependency group in DepGraph, Fang et
    al. 2023): usually one output channel of a layer with all that depends on it, or a whole
    attention head.

    Attributes:
        name: path of the first layer that produces the channels, as in the state dict.
        width: number of channels in the dense model.
        slots: positions of the channels in tensors, one slot for each tensor and dimension.
        numbers: integer attributes of modules that must follow the width.
        scaled_matmuls: modules with matrix products without weights (as in attention) whose MACs
            are proportional to the width, each with the proportional share of these MACs.
        block: the residual block that is the group's only channel, if it is one.
        caches: dicts of tensors, as `module.attribute`, that a forward pass computes from the
            group's tensors and has to recompute after pruning.
    """

    name: str
    width: int
    slots: tuple[Slot, ...]
    numbers: tuple[Number, ...] = ()
    scaled_matmuls: tuple[tuple[str, float], ...] = ()
    block: Block | None = None
    caches: tuple[str, ...] = ()

    @property
    def least(self) -> int:
        """Minimum width: 1, or 0 for a residual block."""
        return 0 if self.block else 1

    @cached_property
    def common_per_channel(self) -> int:
        """Greatest common divisor of the positions per channel over all slots; 0 without slots."""
        return math.gcd(*(slot.per_channel for slot in self.slots))

    @property
    def info(self) -> GroupInfo:
        """Name and width of the group, as the search needs them."""
        return GroupInfo(self.name, self.width)


@dataclass(frozen=True)
class Groups:
    """All groups of a dense model: those that can be pruned, and those kept whole with the reason.

    Attributes:
        prunable: groups whose channels can be removed, as proved by `find_groups`.
        kept: names, widths and reasons of the groups that are never pruned.
        factored: paths of the layers that the groups expect as low-rank pairs of layers.
    """

    prunable: tuple[Group, ...]
    kept: tuple[KeptGroup, ...] = ()
    factored: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return plain data for `json.dumps`; contiguous positions are stored as two numbers."""
        return {
            "prunable": [_group_to_json(group) for group in self.prunable],
            "kept": [asdict(group) for group in self.kept],
            **({"factored": list(self.factored)} if self.factored else {}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Groups:
        """Inverse of `to_json`."""
        return cls(
            prunable=tuple(_group_from_json(group) for group in data["prunable"]),
            kept=tuple(KeptGroup(**group) for group in data["kept"]),
            factored=tuple(data.get("factored", ())),
        )


def gone_blocks(groups: Sequence[Group], removed: Mapping[str, Sequence[int]]) -> list[Block]:
    """Return the removed blocks; `removed` has the removed channels by group name."""
    return [group.block for group in groups if group.block and removed.get(group.name)]


def row_of_positions(width: int, *, start: int = 0, size: int = 1) -> tuple[tuple[int, ...], ...]:
    """Return contiguous positions, `size` per channel, the first at `start`."""
    return tuple(
        tuple(range(start + channel * size, start + (channel + 1) * size))
        for channel in range(width)
    )


def _group_to_json(group: Group) -> dict[str, Any]:
    return {
        "name": group.name,
        "width": group.width,
        "slots": [_slot_to_json(slot) for slot in group.slots],
        "numbers": [asdict(number) for number in group.numbers],
        "works": [list(work) for work in group.scaled_matmuls],
        **({"block": _block_to_json(group.block)} if group.block else {}),
        **({"caches": list(group.caches)} if group.caches else {}),
    }


def _block_to_json(block: Block) -> dict[str, Any]:
    """Return the block under the names that the files of all versions have."""
    return {"path": block.path, "leaves": block.replacement, "silent": block.zeroed_params}


def _slot_to_json(slot: Slot) -> dict[str, Any]:
    start, size = slot.positions[0][0], slot.per_channel
    row = row_of_positions(len(slot.positions), start=start, size=size)
    where: dict[str, Any] = (
        {"start": start, "size": size}
        if slot.positions == row
        else {"positions": [list(channel) for channel in slot.positions]}
    )
    return {"tensor": slot.tensor, "dim": slot.dim, **where}


def _group_from_json(data: Mapping[str, Any]) -> Group:
    width = data["width"]
    slots = tuple(_slot_from_json(slot, width) for slot in data["slots"])
    numbers = tuple(Number(**number) for number in data.get("numbers", ()))
    matmuls = tuple((path, share) for path, share in data.get("works", ()))
    block = data.get("block")
    if block is not None:
        block = Block(block["path"], block["leaves"], tuple(block["silent"]))
    caches = tuple(data.get("caches", ()))
    return Group(data["name"], width, slots, numbers, matmuls, block, caches)


def _slot_from_json(data: Mapping[str, Any], width: int) -> Slot:
    if "positions" in data:
        positions = tuple(tuple(channel) for channel in data["positions"])
    else:
        if width * data["size"] > _MOST_POSITIONS:
            raise ValueError(f"a group of {width:,} channels is larger than any network has")
        positions = row_of_positions(width, start=data["start"], size=data["size"])
    if len(positions) != width or any(one < 0 for channel in positions for one in channel):
        raise ValueError(f"the positions in `{data['tensor']}` are not those of {width} channels")
    return Slot(data["tensor"], data["dim"], positions)
