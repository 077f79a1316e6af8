"""The contract of a scorer, asserted on a small network of two convolutions with BatchNorm."""

from __future__ import annotations

import torch
from torch import nn

from paretoprune.pruning.dependency.find import find_groups
from paretoprune.pruning.scorers.interface import Scorer
from paretoprune.tasks.bound import TaskBatch
from paretoprune.tasks.classification import Classification

_NUM_CLASSES = 5


def check_scorer(scorer: Scorer) -> None:
    """Raise AssertionError where a scorer does not keep its contract.

    Scores are finite float32 numbers on the CPU, not negative, one for each channel of each group;
    the same call gives the same scores; weights, modes, gradients, hooks and the random state are
    left as they were.
    """
    model = _network()
    groups = find_groups(model, torch.zeros(1, 3, 8, 8)).prunable
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    random = torch.get_rng_state()
    scores = scorer(model, groups, _batches())
    assert set(scores) == {group.name for group in groups}, "a score is needed for every group"
    for group in groups:
        score = scores[group.name]
        assert score.shape == (group.width,), f"{group.name}: {tuple(score.shape)} scores"
        assert (score.dtype, score.device.type) == (torch.float32, "cpu"), "float32 on the CPU"
        assert torch.isfinite(score).all() and (score >= 0).all(), "finite, and not negative"
        assert not score.requires_grad, "scores must not require gradients"
    again = scorer(model, groups, _batches())
    assert all(torch.equal(again[name], scores[name]) for name in scores), "not deterministic"
    after = model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before), "weights changed"
    assert [module.training for module in model.modules()] == modes, "modes changed"
    assert all(p.grad is None for p in model.parameters()), "gradients are left"
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules()), "hooks left"
    assert torch.equal(torch.get_rng_state(), random), "the random state changed"


def _network() -> nn.Module:
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Conv2d(8, 12, 3, padding=1),
            nn.BatchNorm2d(12),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(12, _NUM_CLASSES),
        ).eval()


def _batches() -> list[TaskBatch]:
    generator = torch.Generator().manual_seed(1)
    return [
        TaskBatch(
            Classification(),
            (
                torch.randn(4, 3, 8, 8, generator=generator),
                torch.randint(_NUM_CLASSES, (4,), generator=generator),
            ),
        )
        for _ in range(3)
    ]
