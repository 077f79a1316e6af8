"""Small networks with every kind of layer that is rounded, and some that are not."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tests.kits import networks

NAMES = ("resnet", "vgg", "vgg_without_batchnorm", "mobilenet", "densenet", "resnext")


def images(count: int, seed: int = 0) -> Tensor:
    return torch.randn(count, 3, 8, 8, generator=torch.Generator().manual_seed(seed))


def build(name: str) -> nn.Module:
    return networks.build(name)


class Tied(nn.Module):
    """An embedding whose weight is also that of the last layer, and a module with two names."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 6)
        self.inner = nn.Linear(6, 6)
        self.again = self.inner
        self.norm = nn.LayerNorm(6)
        self.out = nn.Linear(6, 11, bias=False)
        self.out.weight = self.embedding.weight

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.norm(self.again(self.inner(self.embedding(tokens)).relu()))
        logits: Tensor = self.out(x.mean(1))
        return logits
