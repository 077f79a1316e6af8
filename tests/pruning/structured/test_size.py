"""The closed form of parameters and MACs equals counting on the really pruned model."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from paretoprune.pruning.dependency.proof import random_plan
from paretoprune.pruning.structured.apply import apply_plan
from paretoprune.pruning.structured.size import SizeModel
from paretoprune.results import Cost
from tests.kits import networks
from tests.kits.cases import Case, make_case


def macs_by_layer(model: nn.Module, example: Tensor) -> dict[str, int]:
    """MACs of one sample of every convolution and linear layer."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(example[:1])
    counts = counter.get_flop_counts()
    root = type(model).__name__
    return {
        name: sum(counts[f"{root}.{name}"].values()) // 2
        for name, module in model.named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear)
    }


def counted(model: nn.Module, example: Tensor) -> Cost:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(example[:1])
    params = sum(p.numel() for p in model.parameters())
    return Cost(params, counter.get_total_flops() // 2)


def size_model(case: Case) -> SizeModel:
    shapes = {name: tuple(p.shape) for name, p in case.model.named_parameters()}
    return SizeModel(case.groups, shapes, macs_by_layer(case.model, case.example))


@pytest.mark.parametrize("seed", range(5))
def test_equals_counting(case, seed: int) -> None:
    plan = random_plan(case.groups, seed=seed)
    pruned = apply_plan(case.model, case.groups, plan)
    assert size_model(case).cost(plan.widths(case.groups)) == counted(pruned, case.example)


def test_dense_widths_need_not_be_named(case) -> None:
    size = size_model(case)
    assert size.cost({}) == counted(case.model, case.example)
    assert size.cost({group.name: group.width for group in case.groups}) == size.cost({})


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(sorted(networks.PRUNABLE)), st.data())
def test_never_grows_when_a_group_shrinks(name: str, data: st.DataObject) -> None:
    case = make_case(name)
    size = size_model(case)
    widths = {g.name: data.draw(st.integers(1, g.width)) for g in case.groups}
    before = size.cost(widths)
    for group in case.groups:
        if widths[group.name] > 1:
            after = size.cost({**widths, group.name: widths[group.name] - 1})
            assert after.params < before.params and after.macs < before.macs


def test_other_macs_stay(vgg) -> None:
    shapes = {name: tuple(p.shape) for name, p in vgg.model.named_parameters()}
    layers = macs_by_layer(vgg.model, vgg.example)
    size = SizeModel(vgg.groups, shapes, {**layers, "attention": 1000})
    widths = {"features.0": 3}
    assert size.cost(widths).macs == size_model(vgg).cost(widths).macs + 1000


def test_without_groups_everything_is_constant() -> None:
    assert SizeModel([], {"a.weight": (2, 3), "b": ()}, {"a": 12}).cost({}) == Cost(7, 12)


@pytest.mark.parametrize("seed", range(3))
def test_sizes_are_those_of_the_really_pruned_tensors(case, seed: int) -> None:
    plan = random_plan(case.groups, seed=seed)
    tensors = dict(apply_plan(case.model, case.groups, plan).named_parameters())
    sizes = size_model(case).sizes(plan.widths(case.groups))
    assert sizes == {(name, dim): tensors[name].shape[dim] for name, dim in sizes}
    slots = {(s.tensor, s.dim) for group in case.groups for s in group.slots if s.tensor in tensors}
    assert set(sizes) == slots
