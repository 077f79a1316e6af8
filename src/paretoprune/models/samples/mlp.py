"""A multilayer perceptron for tables."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn


def mlp(
    num_classes: int = 1, in_channels: int = 10, width: int = 64, depth: int = 2, dropout: float = 0
) -> nn.Module:
    """Linear layers with ReLU: (N, in_channels) -> (N, num_classes), logits or numbers.

    `in_channels` are the columns of the table; `depth` is the number of hidden layers.
    """
    return Mlp(in_channels, [width] * depth, num_classes, dropout=dropout)


class Mlp(nn.Module):
    """Hidden layers of the given sizes, and a linear layer."""

    def __init__(self, inputs: int, hidden: list[int], outputs: int, *, dropout: float = 0) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in pairwise([inputs, *hidden]):
            layers += [nn.Linear(before, after), nn.ReLU()]
            if dropout:
                layers.append(nn.Dropout(dropout))
        self.hidden = nn.Sequential(*layers)
        self.head = nn.Linear(hidden[-1] if hidden else inputs, outputs)

    def forward(self, rows: Tensor) -> Tensor:
        numbers: Tensor = self.head(self.hidden(rows.flatten(1)))
        return numbers
