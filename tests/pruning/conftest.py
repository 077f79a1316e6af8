"""The small networks with their proved groups, found once per run."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import pytest
from torch import Tensor, nn

from paretoprune.pruning import Group, find_groups
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


@pytest.fixture(params=sorted(networks.PRUNABLE))
def case(request: pytest.FixtureRequest) -> Case:
    """Every network in turn. Tests must leave it as it is."""
    return make_case(request.param)


@pytest.fixture
def resnet() -> Case:
    return make_case("resnet")


@pytest.fixture
def vgg() -> Case:
    return make_case("vgg")
