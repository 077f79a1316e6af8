"""Small networks with their verified groups, computed once per run. Tests must not modify them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from torch import Tensor, nn

from paretoprune.pruning.dependency.find import find_groups
from paretoprune.pruning.groups import Group
from tests.kits import networks


@dataclass(frozen=True)
class Case:
    """A network, its prunable groups and an example input."""

    name: str
    model: nn.Module
    groups: tuple[Group, ...]
    example: Tensor


@cache
def make_case(name: str) -> Case:
    model = networks.build(name)
    example = networks.example()
    return Case(name, model, find_groups(model, example).prunable, example)
