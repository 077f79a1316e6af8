"""Masks silence exactly the plan's channels, and nothing else."""

from __future__ import annotations

import torch

from paretoprune.pruning.dependency.proof import random_plan
from paretoprune.pruning.structured.apply import slice_tensors
from paretoprune.pruning.structured.masks import mask_tensors, masked_model
from paretoprune.pruning.structured.plan import Plan


def test_masks_by_hand(vgg) -> None:
    masks = mask_tensors(vgg.model, vgg.groups, Plan({"features.4": (1,), "classifier.0": (0, 3)}))
    expected = torch.ones(20, 48, dtype=torch.bool)
    expected[[0, 3]] = False
    expected[:, 4:8] = False
    assert torch.equal(masks["classifier.0.weight"], expected)
    assert masks["features.5.bias"].tolist() == [channel != 1 for channel in range(12)]
    assert "features.5.running_var" not in masks
    assert "features.0.weight" not in masks


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
