"""Savings that each group of a network could bring, with all others left dense."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from paretoprune.problem.search_space import AnySize
from paretoprune.pruning.groups import Group


@dataclass(frozen=True)
class Saving:
    """Savings of pruning one group to its least width, all others left dense."""

    group: Group
    least_width: int
    macs: float  # share of the dense model's, 0 to 1
    params: float  # share of the dense model's, 0 to 1


def savings_of(groups: Sequence[Group], size: AnySize, least: Mapping[str, int]) -> list[Saving]:
    """Return the savings of each group alone at its least width."""
    dense = size.cost({})
    found = []
    for group in groups:
        cost = size.cost({group.name: least[group.name]})
        macs, params = 1 - cost.macs / dense.macs, 1 - cost.params / dense.params
        found.append(Saving(group, least[group.name], macs, params))
    return found


def layers_of(group: Group) -> list[str]:
    """The paths of the layers of a group, each once, the layer that produces its channels first."""
    if group.block:
        return ["the whole block"]
    return list({slot.tensor.rpartition(".")[0]: None for slot in group.slots})
