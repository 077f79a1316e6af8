"""Exact sizes of networks in which some layers are low-rank pairs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from paretoprune.low_rank.pair import is_smaller
from paretoprune.low_rank.ranks import FactoredLayer
from paretoprune.results import Cost

Widths = Mapping[str, int]


class WholeSizes(Protocol):
    """Size model of a network without pairs."""

    def sizes(self, widths: Widths) -> dict[tuple[str, int], int]:
        """Return the size of every dimension that can change, by tensor name and dimension."""

    def blocks_gone(self, widths: Widths) -> list[str]:
        """Return the paths of removed blocks."""

    def cost(self, widths: Widths) -> Cost:
        """Return parameters, and MACs of one sample."""


class WholeBytes(Protocol):
    """File size model of a network without pairs."""

    def bytes_of(self, widths: Widths) -> int:
        """Return the bytes of the file at these widths."""


@dataclass(frozen=True)
class RankedSize:
    """Parameters and MACs of a network with pairs in place of layers that are larger."""

    whole: WholeSizes
    layers: Sequence[FactoredLayer]

    def sizes(self, widths: Widths) -> dict[tuple[str, int], int]:
        """Return the size of every dimension that a group can change, before factoring."""
        return self.whole.sizes(widths)

    def cost(self, widths: Widths) -> Cost:
        """Return parameters and MACs of one sample at these widths (dense if absent)."""
        cost = self.whole.cost(widths)
        params, macs = 0, 0.0
        for layer, rank, first, second in self.pairs(widths):
            params += rank * (first + second) - first * second
            macs += rank * (first * layer.first_macs + second * layer.second_macs)
            macs -= first * second * layer.macs
        return replace(cost, params=cost.params + params, macs=round(cost.macs + macs))

    def pairs(self, widths: Widths) -> Iterator[tuple[FactoredLayer, int, int, int]]:
        """Yield the layers that are pairs at these widths, with rank and component sizes."""
        sizes, gone = self.whole.sizes(widths), self.whole.blocks_gone(widths)
        prefixes = tuple(f"{path}." for path in gone)
        for layer in self.layers:
            rank = widths.get(layer.group, layer.full_rank)
            first, second = layer.sides(*layer.shape(sizes))
            if is_smaller(rank, first, second) and not layer.path.startswith(prefixes):
                yield layer, rank, first, second


@dataclass(frozen=True)
class RankedFile:
    """Bytes of the file of a network with pairs in place of layers that are larger."""

    whole: WholeBytes
    size: RankedSize
    element_bytes: int  # of a weight
    header_bytes: float  # additional header bytes of a pair over a layer

    def bytes_of(self, widths: Widths) -> int:
        """Return the bytes of the file at these widths, up to some of its header."""
        total: float = self.whole.bytes_of(widths)
        for _, rank, first, second in self.size.pairs(widths):
            added = rank * (first + second) - first * second
            total += added * self.element_bytes + self.header_bytes
        return round(total)
