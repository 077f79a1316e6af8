"""Channels that grouped convolutions tie together: only whole convolution groups can go.

A convolution group takes a block of input channels and makes a block of output channels, so that
without the one the other goes, too. A depthwise convolution is the case of blocks of one.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field

Place = tuple[str, int]  # a tensor and a dimension of it
Positions = dict[int, list[int]]  # channel -> indices


@dataclass
class Found:
    """What the graph tells of the channels of one layer, before any of it is trusted."""

    name: str
    width: int
    places: dict[Place, Positions] = field(default_factory=dict)
    blocks: dict[str, Positions] = field(default_factory=dict)  # by grouped convolution's path
    reasons: list[str] = field(default_factory=list)  # against removing any of the channels
    is_output: bool = False

    def note(self, place: Place, channel: int, index: int) -> None:
        """The channel lies here."""
        self.places.setdefault(place, {}).setdefault(channel, []).append(index)

    def note_block(self, path: str, channel: int, block: int) -> None:
        """The channel enters or leaves this block of a grouped convolution."""
        self.blocks.setdefault(path, {}).setdefault(channel, []).append(block)


def fuse(found: Sequence[Found]) -> list[Found]:
    """The same, with layers on both sides of a grouped convolution as one, in which a channel
    stands for all that goes with one convolution group.

    Those that no grouped convolution touches are returned as they are, in the same order.
    """
    sets = _Sets()
    for number, one in enumerate(found):
        for path, channels in one.blocks.items():
            sets.join(number, path)
            for channel, blocks in channels.items():
                for block in blocks:
                    sets.join((number, channel), (path, block))
    together: dict[Hashable, list[int]] = {}
    for number in range(len(found)):
        together.setdefault(sets.find(number), []).append(number)
    return [
        _as_one(found, numbers, sets) if found[numbers[0]].blocks else found[numbers[0]]
        for numbers in together.values()
    ]


def _as_one(found: Sequence[Found], numbers: Sequence[int], sets: _Sets) -> Found:
    parts = [found[number] for number in numbers]
    new: dict[Hashable, int] = {}  # set of channels -> number of the new channel
    fused = Found(parts[0].name, 0, is_output=all(part.is_output for part in parts))
    for number, part in zip(numbers, parts, strict=True):
        for channel in range(part.width):
            new.setdefault(sets.find((number, channel)), len(new))
        for place, positions in part.places.items():
            for channel, indices in positions.items():
                for index in indices:
                    fused.note(place, new[sets.find((number, channel))], index)
    fused.width = len(new)
    fused.reasons = list(_reasons(parts))
    if fused.width == 1:
        fused.reasons.append("grouped convolutions tie all its channels together")
    return fused


def _reasons(parts: Sequence[Found]) -> Iterable[str]:
    for part in parts:
        yield from part.reasons
    if any(part.is_output for part in parts):
        yield "a grouped convolution ties its channels to the network's outputs"


class _Sets:
    """Disjoint sets: things that were joined, directly or through others, share their set."""

    def __init__(self) -> None:
        self._parent: dict[Hashable, Hashable] = {}

    def find(self, thing: Hashable) -> Hashable:
        """The one that stands for the thing's set."""
        while (parent := self._parent.get(thing, thing)) != thing:
            self._parent[thing] = self._parent.get(parent, parent)
            thing = parent
        return thing

    def join(self, one: Hashable, other: Hashable) -> None:
        """Make one set of both things' sets."""
        self._parent[self.find(one)] = self.find(other)
