"""The gradients of penalties against those that autograd gives of their formulas."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from paretoprune.errors import PruningError
from paretoprune.pruning.scorers.data_free.magnitude import Magnitude
from paretoprune.pruning.sparse_training.bn_scale import BatchNormScale
from paretoprune.pruning.sparse_training.group_lasso import GroupLasso
from paretoprune.pruning.sparse_training.growing import Growing
from paretoprune.pruning.sparse_training.interface import Penalty
from paretoprune.pruning.sparse_training.l1 import L1
from paretoprune.pruning.structured.masks import mask_tensors
from paretoprune.pruning.structured.plan import make_plan
from tests.kits.cases import make_case

STRENGTH = 0.3


def gradients(model: nn.Module, penalty: Penalty, progress: float) -> dict[str, Tensor]:
    model.zero_grad()
    penalty(progress)
    return {n: p.grad for n, p in model.named_parameters() if p.grad is not None}


def check(model: nn.Module, penalty: Penalty, formula: Tensor, progress: float = 0.5) -> None:
    parameters = dict(model.named_parameters())
    wanted = torch.autograd.grad(formula, list(parameters.values()), materialize_grads=True)
    found = gradients(model, penalty, progress)
    for (name, parameter), expected in zip(parameters.items(), wanted, strict=True):
        got = found.get(name, torch.zeros_like(parameter))
        torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-7)


def test_l1_is_the_sum_of_absolute_weights() -> None:
    model = copy.deepcopy(make_case("vgg").model)
    formula = STRENGTH * sum(p.abs().sum() for p in model.parameters() if p.dim() > 1)
    check(model, L1(strength=STRENGTH).penalty(model, ()), formula)


def test_slimming_is_the_sum_of_absolute_scales() -> None:
    model = copy.deepcopy(make_case("resnet").model)
    scales = [m.weight for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    formula = STRENGTH * sum(scale.abs().sum() for scale in scales)
    check(model, BatchNormScale(strength=STRENGTH).penalty(model, ()), formula)


def test_slimming_without_batchnorm_is_reported() -> None:
    with pytest.raises(PruningError, match="has no BatchNorm"):
        BatchNormScale().penalty(make_case("vgg_without_batchnorm").model, ())


@pytest.mark.parametrize("name", ["resnet", "vgg"])
def test_group_lasso_is_the_sum_of_the_norms_of_channels(name: str) -> None:
    case = make_case(name)
    model = copy.deepcopy(case.model)
    parameters = dict(model.named_parameters())
    norms = []
    for group in case.groups:
        slots = [
            s for s in group.slots if s.tensor in parameters and parameters[s.tensor].dim() > 1
        ]
        for channel in range(group.width):
            parts = [
                parameters[s.tensor].index_select(s.dim, torch.tensor(s.positions[channel]))
                for s in slots
            ]
            norms.append(torch.cat([part.flatten() for part in parts]).norm())
    penalty = GroupLasso(strength=STRENGTH).penalty(model, case.groups)
    check(model, penalty, STRENGTH * torch.stack(norms).sum())


def test_growing_regularisation_grows_on_what_will_go() -> None:
    case = make_case("resnet")
    model = copy.deepcopy(case.model)
    widths = {group.name: group.width // 2 for group in case.groups}
    plan = make_plan(case.groups, Magnitude()(model, case.groups), widths)
    masks = mask_tensors(model, case.groups, plan)
    parameters = dict(model.named_parameters())
    for progress in (0.0, 0.4, 1.0):
        gone = sum(
            (parameters[n] * ~mask).square().sum() for n, mask in masks.items() if n in parameters
        )
        penalty = Growing(strength=STRENGTH).penalty_on(model, masks)
        check(model, penalty, progress * STRENGTH / 2 * gone, progress)
