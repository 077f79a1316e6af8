"""Layers that can be factored, and the reasons against the others."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from paretoprune.low_rank.candidates import candidates_of


class Net(nn.Module):
    """One layer of each kind."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1)
        self.plain = nn.Conv2d(16, 16, 3, padding=1)
        self.pointwise = nn.Conv2d(16, 16, 1)
        self.depthwise = nn.Conv2d(16, 16, 3, padding=1, groups=16)
        self.mirrored = nn.Conv2d(16, 16, 3, padding=1, padding_mode="reflect")
        self.normed = weight_norm(nn.Conv2d(16, 16, 3, padding=1))
        self.twice = nn.Conv2d(16, 16, 3, padding=1)
        self.again = self.twice
        self.read = nn.Linear(16, 20)
        self.tied = nn.Linear(20, 20)
        self.also_tied = nn.Linear(20, 20)
        self.also_tied.weight = self.tied.weight
        self.head = nn.Linear(20, 16)

    def forward(self, x: Tensor) -> Tensor:
        x = self.depthwise(self.pointwise(self.plain(self.stem(x))))
        x = self.again(self.twice(self.normed(self.mirrored(x)))).mean((2, 3))
        x = nn.functional.linear(x, self.read.weight)
        return self.head(self.also_tied(self.tied(x)))


REASONS = {
    "stem": "3 inputs",
    "pointwise": "size 1",
    "depthwise": "grouped",
    "mirrored": "reflect",
    "normed": "Parametrized",
    "twice": "several names",
    "again": "several names",
    "read": "uses its weight",
    "tied": "several names",
    "also_tied": "several names",
}


def test_plain_layers_are_found_and_each_other_has_a_reason() -> None:
    net = Net().eval()
    before = dict(net.named_modules())
    found, whole = candidates_of(net, torch.randn(2, 3, 8, 8), min_width=16)
    assert found == ("plain", "head")
    assert whole.keys() == REASONS.keys()
    for path, words in REASONS.items():
        assert words in whole[path], path
    assert dict(net.named_modules()) == before, "the network stays as it is"


@pytest.mark.parametrize(("min_width", "expected"), [(16, ("plain", "head")), (17, ())])
def test_narrow_layers_are_left(min_width: int, expected: tuple[str, ...]) -> None:
    found, _ = candidates_of(Net().eval(), torch.randn(2, 3, 8, 8), min_width=min_width)
    assert found == expected


def test_layers_inside_attention_and_recurrent_layers_stay() -> None:
    """PyTorch's own transformer reads the weights of its linear layers where it is fast."""
    net = nn.Sequential(nn.TransformerEncoderLayer(16, 2, 32, batch_first=True), nn.Linear(16, 16))
    found, whole = candidates_of(net.eval(), torch.randn(2, 5, 16), min_width=16)
    assert found == ("1",)
    assert {"0.linear1", "0.linear2", "0.self_attn.out_proj"} == whole.keys()
