"""Dicts of tensors: what a forward pass fills is emptied, constants stay."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from paretoprune.pruning.dependency.find import find_groups
from paretoprune.pruning.dependency.proof import random_plan
from paretoprune.pruning.groups import Groups
from paretoprune.pruning.structured.apply import apply_plan
from paretoprune.pruning.structured.caches import find_caches
from paretoprune.pruning.structured.equivalence import check_equivalence
from paretoprune.pruning.structured.masks import masked_model


class Both(nn.Module):
    """Constants by name, and the squares of a scale, worked out once."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(4, 6), nn.Linear(6, 3)
        self.scale = nn.Parameter(torch.rand(6) + 0.5)
        self.gain = {"first": torch.tensor(0.5), "second": torch.tensor(2.0)}
        self._squares: dict[str, Tensor] = {}

    def forward(self, x: Tensor) -> Tensor:
        if "cpu" not in self._squares:
            self._squares["cpu"] = self.scale.detach().square()
        for gain in self.gain.values():
            x = x * gain
        return self.last((self.first(x) * self.gain["first"]).relu() * self._squares["cpu"])


def example() -> Tensor:
    return torch.randn(2, 4, generator=torch.Generator().manual_seed(0))


def test_a_cache_is_distinguished_from_constants() -> None:
    model = Both()
    assert find_caches(model, (example(),)) == ("_squares",)
    assert model._squares == {}  # it stays as it is
    model(example())
    assert find_caches(model, (example(),)) == ("_squares",)
    assert len(model._squares) == 1 and len(model.gain) == 2


def test_constants_survive_and_caches_are_worked_out_again() -> None:
    model = Both().eval()
    with torch.no_grad():
        model(example())
    groups = Groups.from_json(find_groups(model, example()).to_json()).prunable
    [group] = groups
    assert group.caches == ("_squares",)
    plan = random_plan(groups, seed=0)
    pruned = apply_plan(model, groups, plan)
    assert pruned.gain.keys() == model.gain.keys() and pruned._squares == {}
    assert check_equivalence(masked_with_fresh_cache(model, groups, plan), pruned, example()) < 1e-6


def masked_with_fresh_cache(model: nn.Module, groups: tuple, plan: object) -> nn.Module:
    masked = masked_model(model, groups, plan)
    masked._squares = {}
    return masked
