"""Masks silence exactly the plan's channels, and nothing else."""

from __future__ import annotations

import pytest
import torch

from paretoprune.pruning import groups
from paretoprune.pruning.dependency.find import find_groups
from paretoprune.pruning.dependency.proof import random_plan
from paretoprune.pruning.structured import apply, masks
from paretoprune.pruning.structured.apply import slice_tensors
from paretoprune.pruning.structured.masks import mask_tensors, masked_model
from paretoprune.pruning.structured.plan import Plan
from tests.kits import networks
from tests.kits.cases import make_case


def test_masks_by_hand(vgg) -> None:
    masks = mask_tensors(vgg.model, vgg.groups, Plan({"features.4": (1,), "classifier.0": (0, 3)}))
    expected = torch.ones(20, 48, dtype=torch.bool)
    expected[[0, 3]] = False
    expected[:, 4:8] = False
    assert torch.equal(masks["classifier.0.weight"], expected)
    assert masks["features.5.bias"].tolist() == [channel != 1 for channel in range(12)]
    assert "features.5.running_var" not in masks
    assert "features.0.weight" not in masks


def test_masks_of_several_groups_in_one_dimension_by_hand() -> None:
    case = make_case("densenet")
    plan = Plan({"stem": (1, 7), "layers.0.conv": (0,), "layers.1.conv": (2, 3)})
    stays = torch.ones(18, dtype=torch.bool)
    stays[[1, 7, 8, 14, 15]] = False
    assert torch.equal(mask_tensors(case.model, case.groups, plan)["norm.weight"], stays)
    masked = masked_model(case.model, case.groups, plan)
    assert torch.equal(masked.norm.weight, case.model.norm.weight * stays)
    assert torch.equal(masked.head.weight, case.model.head.weight * stays[:, None, None])


def test_a_mistake_in_what_is_cut_out_is_not_one_of_the_masks_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The gate compares the two, so the masks must not rest on what the cut rests on."""
    case = make_case("densenet")
    plan = Plan({"stem": (1, 7), "layers.0.conv": (0,)})
    before = mask_tensors(case.model, case.groups, plan)
    for name in ("removed_positions", "gone_blocks"):
        for module in (apply, groups, masks):
            monkeypatch.setattr(module, name, lambda *_: {}, raising=False)
    assert slice_tensors({"norm.weight": case.model.norm.weight}, case.groups, plan) == {
        "norm.weight": case.model.norm.weight
    }
    after = mask_tensors(case.model, case.groups, plan)
    assert all(torch.equal(before[name], mask) for name, mask in after.items())


def test_of_a_block_what_makes_its_branch_silent_is_zero_and_of_other_blocks_nothing() -> None:
    model = networks.build("resnet")
    groups = find_groups(model, networks.example(), blocks=True).prunable
    blocks = {group.name: group.block for group in groups if group.block}
    gone, stays = blocks["layer1.0"], blocks["layer1.1"]
    plan = Plan({"layer1.0": (0,), "layer1.0.conv1": (2,)})
    found = mask_tensors(model, groups, plan)
    masked = masked_model(model, groups, plan).state_dict()
    for name in gone.zeroed_params:
        assert found[name].shape == model.state_dict()[name].shape and not found[name].any()
        assert (masked[name] == 0).all()
    assert not set(stays.zeroed_params) & set(found)
    assert all(torch.equal(masked[name], model.state_dict()[name]) for name in stays.zeroed_params)
    assert found["layer1.0.conv1.weight"].any()


def test_a_mask_keeps_as_many_elements_as_slicing_does(case) -> None:
    plan = random_plan(case.groups, seed=4)
    sliced = slice_tensors(case.model.state_dict(), case.groups, plan)
    for name, mask in mask_tensors(case.model, case.groups, plan).items():
        assert mask.shape == case.model.state_dict()[name].shape
        assert torch.equal(case.model.state_dict()[name][mask], sliced[name].flatten())


def test_a_masked_model_is_the_dense_one_times_the_masks(case) -> None:
    plan = random_plan(case.groups, seed=4)
    masks = mask_tensors(case.model, case.groups, plan)
    masked = masked_model(case.model, case.groups, plan).state_dict()
    for name, tensor in case.model.state_dict().items():
        expected = tensor * masks[name] if name in masks else tensor
        assert torch.equal(masked[name], expected)
