"""What can be removed: groups of channels, each told as positions in tensors of the state dict.

A group knows nothing of layers. Slicing, masking, counting, scoring and saving are all loops over
its slots, by tensor name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from paretoprune.results import GroupInfo, KeptGroup

_MOST_POSITIONS = 2**24  # of a group in a dimension; a file may say 1e10


@dataclass(frozen=True)
class Slot:
    """Where the channels of a group lie in one tensor.

    `positions[c]` are the indices along dimension `dim` of the state-dict tensor `tensor` that
    belong to channel c: one for a convolution, several where a flatten spreads a channel over many
    inputs of a linear layer, or where a grouped convolution can only lose whole blocks of channels.
    Every channel has equally many, and no index belongs to two channels.
    """

    tensor: str
    dim: int
    positions: tuple[tuple[int, ...], ...]

    @property
    def per_channel(self) -> int:
        """How many positions one channel has."""
        return len(self.positions[0])


@dataclass(frozen=True)
class Number:
    """A number that a module keeps about itself, such as `num_heads`, less `per_channel` for each
    channel that goes. `index` says which, where the attribute is a list or tuple of numbers."""

    module: str
    attribute: str
    per_channel: int
    index: int | None = None


@dataclass(frozen=True)
class Block:
    """A residual block as a whole: the module at `path`. With the parameters `silent` at zero its
    branches add nothing; what is left then is the class of `torch.nn` called `leaves`."""

    path: str
    leaves: str
    silent: tuple[str, ...]

    def holds(self, name: str) -> bool:
        """Whether a module, or a tensor of the state dict, lies in the block."""
        return name == self.path or name.startswith(f"{self.path}.")


@dataclass(frozen=True)
class Group:
    """Channels 0 to `width` - 1 that are removed together everywhere they lie.

    `name` is the path of the first layer that produces them, as in the state dict. A channel may
    be a whole attention head. `numbers` are attributes that say how many there are. `works` are
    modules whose matrix products without weights, such as those of attention, shrink in proportion,
    each with the share of these products that does. `caches` are dicts of tensors that a forward
    pass works out from the group's tensors, and must do again without its channels. Where there is
    a `block`, the only channel is that block, which may go.
    """

    name: str
    width: int
    slots: tuple[Slot, ...]
    numbers: tuple[Number, ...] = ()
    works: tuple[tuple[str, float], ...] = ()
    block: Block | None = None
    caches: tuple[str, ...] = ()  # `module.attribute`

    @property
    def least(self) -> int:
        """How many channels must stay: one, or of a block none."""
        return 0 if self.block else 1

    @cached_property
    def common_per_channel(self) -> int:
        """The largest number that divides the positions of a channel in every slot; 0 without."""
        return math.gcd(*(slot.per_channel for slot in self.slots))

    @property
    def info(self) -> GroupInfo:
        """The group as the search sees it."""
        return GroupInfo(self.name, self.width)


@dataclass(frozen=True)
class Groups:
    """All groups of a dense model: those that may be pruned, and those kept whole with a reason.

    `factored` are paths of layers in whose place the groups expect two, by a low rank.
    """

    prunable: tuple[Group, ...]
    kept: tuple[KeptGroup, ...] = ()
    factored: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain data for `json.dumps`; positions that lie in a row take two numbers."""
        return {
            "prunable": [_group_to_json(group) for group in self.prunable],
            "kept": [asdict(group) for group in self.kept],
            **({"factored": list(self.factored)} if self.factored else {}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Groups:
        """The inverse of `to_json`."""
        return cls(
            prunable=tuple(_group_from_json(group) for group in data["prunable"]),
            kept=tuple(KeptGroup(**group) for group in data["kept"]),
            factored=tuple(data.get("factored", ())),
        )


def gone_blocks(groups: Sequence[Group], removed: Mapping[str, Sequence[int]]) -> list[Block]:
    """The blocks that go, where `removed` has the channels that go by group name."""
    return [group.block for group in groups if group.block and removed.get(group.name)]


def row_of_positions(width: int, *, start: int = 0, size: int = 1) -> tuple[tuple[int, ...], ...]:
    """Channel after channel, `size` positions each, the first at `start`."""
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
        "works": [list(work) for work in group.works],
        **({"block": asdict(group.block)} if group.block else {}),
        **({"caches": list(group.caches)} if group.caches else {}),
    }


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
    works = tuple((path, share) for path, share in data.get("works", ()))
    block = data.get("block")
    if block is not None:
        block = Block(block["path"], block["leaves"], tuple(block["silent"]))
    caches = tuple(data.get("caches", ()))
    return Group(data["name"], width, slots, numbers, works, block, caches)


def _slot_from_json(data: Mapping[str, Any], width: int) -> Slot:
    if "positions" in data:
        positions = tuple(tuple(channel) for channel in data["positions"])
    else:
        if width * data["size"] > _MOST_POSITIONS:
            raise ValueError(f"a group of {width:,} channels is none of a network")
        positions = row_of_positions(width, start=data["start"], size=data["size"])
    if len(positions) != width or any(one < 0 for channel in positions for one in channel):
        raise ValueError(f"the positions in `{data['tensor']}` are not those of {width} channels")
    return Slot(data["tensor"], data["dim"], positions)
