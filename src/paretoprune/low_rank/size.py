"""Exact sizes of networks with pairs, each counted as one layer where it saves nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from paretoprune.low_rank.ranks import FactoredLayer
from paretoprune.results import Cost

Widths = Mapping[str, int]


class PairSizes(Protocol):
    """Size model of a network that keeps all its pairs."""

    def sizes(self, widths: Widths) -> dict[tuple[str, int], int]:
        """Return the size of every dimension that can change, by tensor name and dimension."""

    def blocks_gone(self, widths: Widths) -> list[str]:
        """Return the paths of removed blocks."""

    def cost(self, widths: Widths) -> Cost:
        """Return parameters, and MACs of one sample."""


class PairBytes(Protocol):
    """File size model of a network that keeps all its pairs."""

    def bytes_of(self, widths: Widths) -> int:
        """Return the bytes of the file at these widths."""


@dataclass(frozen=True)
class RankedSize:
    """Parameters and MACs of the delivered network, in which pairs that save nothing are merged."""

    pairs: PairSizes
    layers: Sequence[FactoredLayer]

    def sizes(self, widths: Widths) -> dict[tuple[str, int], int]:
        """Return the size of every dimension that a group can change, before merging."""
        return self.pairs.sizes(widths)

    def cost(self, widths: Widths) -> Cost:
        """Return parameters and MACs of one sample at these widths (dense if absent)."""
        cost = self.pairs.cost(widths)
        params, macs = 0, 0.0
        for layer, rank, first, second in self.merged(widths):
            params += first * second - rank * (first + second)
            macs += first * second * layer.macs
            macs -= rank * (first * layer.first_macs + second * layer.second_macs)
        return replace(cost, params=cost.params + params, macs=round(cost.macs + macs))

    def merged(self, widths: Widths) -> Iterator[tuple[FactoredLayer, int, int, int]]:
        """Yield layers that are merged at these widths, with rank and component sizes."""
        sizes, gone = self.pairs.sizes(widths), self.pairs.blocks_gone(widths)
        prefixes = tuple(f"{path}." for path in gone)
        for layer in self.layers:
            rank, inputs, outputs = layer.shape(sizes)
            first, second = layer.sides(inputs, outputs)
            there = not layer.path.startswith(prefixes)
            if there and rank * (first + second) >= first * second:
                yield layer, rank, first, second


@dataclass(frozen=True)
class RankedFile:
    """Bytes of the file of the delivered network."""

    pairs: PairBytes
    size: RankedSize
    element_bytes: int  # of a weight
    header_bytes: float  # additional header bytes of a pair over a layer

    def bytes_of(self, widths: Widths) -> int:
        """Return the bytes of the file at these widths, up to some of its header."""
        total: float = self.pairs.bytes_of(widths)
        for _, rank, first, second in self.size.merged(widths):
            saved = rank * (first + second) - first * second
            total -= saved * self.element_bytes + self.header_bytes
        return round(total)
