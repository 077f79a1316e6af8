"""Low rank: layers as products of two smaller ones, whose ranks are searched like channels.

The way of a network: `candidates_of` and `layers_with_gain` say which layers, `factored` makes the
network that plans cut, `Ranks` rounds, and `merged` makes what is delivered.
"""

from __future__ import annotations

from paretoprune.low_rank.candidates import candidates_of
from paretoprune.low_rank.components import energies_of, refactored
from paretoprune.low_rank.factor import factored, pair_of
from paretoprune.low_rank.merge import merged, product_of
from paretoprune.low_rank.pair import Pair, full_rank, pairs_of, with_pairs
from paretoprune.low_rank.ranks import FactoredLayer, Ranks, layers_with_gain
from paretoprune.low_rank.size import RankedFile, RankedSize

__all__ = [
    "FactoredLayer",
    "Pair",
    "RankedFile",
    "RankedSize",
    "Ranks",
    "candidates_of",
    "energies_of",
    "factored",
    "full_rank",
    "layers_with_gain",
    "merged",
    "pair_of",
    "pairs_of",
    "product_of",
    "refactored",
    "with_pairs",
]
