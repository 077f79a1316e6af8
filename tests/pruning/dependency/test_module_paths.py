"""The path on top of the stack is that of the executing module."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from paretoprune.pruning.dependency.module_paths import following_paths


class Noting(nn.Module):
    """Writes down the stack when it runs."""

    def __init__(self, stack: list[str], seen: list[tuple[str, ...]]) -> None:
        super().__init__()
        self.stack, self.seen = stack, seen

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(tuple(self.stack))
        return x


def test_modules_enter_and_leave() -> None:
    stack: list[str] = []
    seen: list[tuple[str, ...]] = []
    model = nn.Sequential(Noting(stack, seen), nn.Sequential(Noting(stack, seen)), nn.ReLU())
    with following_paths(model, stack):
        model(torch.zeros(1))
        assert stack == []
    assert seen == [("", "0"), ("", "1", "1.0")]
    model(torch.zeros(1))  # the hooks are gone
    assert seen[2:] == [(), ()]
