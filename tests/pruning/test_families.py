"""Every family of networks: found, equal, exactly counted, and back from plain data."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import nn

from paretoprune.measure.macs import count_macs, macs_per_layer
from paretoprune.problem.forms import load_delivered
from paretoprune.pruning.dependency.find import find_groups
from paretoprune.pruning.dependency.proof import random_plan
from paretoprune.pruning.groups import Groups
from paretoprune.pruning.scorers.data_free.magnitude import Magnitude
from paretoprune.pruning.structured.apply import apply_plan
from paretoprune.pruning.structured.checkpoint import save_state
from paretoprune.pruning.structured.coordinates import compose, restrict_groups
from paretoprune.pruning.structured.equivalence import check_equivalence
from paretoprune.pruning.structured.masks import masked_model
from paretoprune.pruning.structured.plan import Plan
from paretoprune.pruning.structured.size import SizeModel
from paretoprune.results import Cost
from tests.kits import families, networks

pytestmark = pytest.mark.parametrize("name", sorted(families.FAMILIES))


@cache
def case(name: str) -> tuple[nn.Module, Groups]:
    """The network and its groups. Tests must not change them."""
    model = families.build(name)
    return model, find_groups(model, networks.example())


def test_the_groups_are_found(name: str) -> None:
    _, groups = case(name)
    assert {group.name: group.width for group in groups.prunable} == families.WIDTHS[name]


@pytest.mark.parametrize("seed", range(3))
def test_pruned_equals_masked(name: str, seed: int) -> None:
    model, groups = case(name)
    plan = random_plan(groups.prunable, seed=seed)
    pruned = apply_plan(model, groups.prunable, plan)
    masked = masked_model(model, groups.prunable, plan)
    assert check_equivalence(masked, pruned, networks.example()) < 1e-4


def test_ratio_zero_is_bit_identical(name: str) -> None:
    model, groups = case(name)
    pruned = apply_plan(model, groups.prunable, Plan())
    assert torch.equal(pruned(networks.example()), model(networks.example()))


@pytest.mark.parametrize("seed", range(2))
def test_sizes_are_those_of_the_smaller_model(name: str, seed: int) -> None:
    model, groups = case(name)
    plan = random_plan(groups.prunable, seed=seed)
    pruned = apply_plan(model, groups.prunable, plan)
    shapes = {path: tuple(p.shape) for path, p in model.named_parameters()}
    size = SizeModel(groups.prunable, shapes, macs_per_layer(model, networks.example()))
    params = sum(p.numel() for p in pruned.parameters())
    expected = Cost(params, count_macs(pruned, networks.example()))
    found = size.cost(plan.widths(groups.prunable))
    assert (found.params, found.macs) == (expected.params, expected.macs)


def test_a_saved_model_is_back_from_plain_data(name: str, tmp_path: Path) -> None:
    model, groups = case(name)
    plan = random_plan(groups.prunable, seed=4)
    pruned = apply_plan(model, groups.prunable, plan)
    save_state(tmp_path / "model.safetensors", pruned)
    again = Groups.from_json(json.loads(json.dumps(groups.to_json())))
    assert again == groups
    loaded = load_delivered(
        families.build(name, seed=1),
        again,
        Plan.from_json(json.loads(json.dumps(plan.to_json()))),
        tmp_path / "model.safetensors",
    )
    assert torch.equal(loaded.eval()(networks.example()), pruned(networks.example()))


def test_two_steps_are_as_one(name: str) -> None:
    model, groups = case(name)
    first = Plan({group.name: (group.width - 1,) for group in groups.prunable})
    second = Plan({group.name: (0,) for group in groups.prunable if group.width > 2})
    between = apply_plan(model, groups.prunable, first)
    stepped = apply_plan(between, restrict_groups(groups.prunable, first), second)
    at_once = apply_plan(model, groups.prunable, compose(groups.prunable, first, second))
    assert torch.equal(stepped(networks.example()), at_once(networks.example()))


def test_it_trains_and_is_scored(name: str) -> None:
    model, groups = case(name)
    scores = Magnitude()(model, groups.prunable)
    assert {n: len(s) for n, s in scores.items()} == families.WIDTHS[name]
    pruned = apply_plan(model, groups.prunable, random_plan(groups.prunable, seed=1)).train()
    pruned(networks.example()).square().mean().backward()
    assert all(p.grad is not None and p.grad.shape == p.shape for p in pruned.parameters())
