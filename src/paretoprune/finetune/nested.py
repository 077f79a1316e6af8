"""Slimmable training: smaller networks that share the weights of a larger one, trained together.

One training then serves many sizes. Each step trains the largest, the smallest and some sizes
between, on the same batch: the sandwich rule of Yu and Huang 2019 (Universally Slimmable Networks
and Improved Training Techniques).
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.func import functional_call

_NUM_DRAWN = 2  # sizes between the largest and the smallest, per step


@dataclass(frozen=True)
class Slice:
    """A smaller network without weights of its own, which uses slices of a larger one's.

    In training mode it needs no BatchNorm statistics; those that it accumulates are not used.
    """

    network: nn.Module  # defines the shapes; its parameter values are not used
    kept: Mapping[str, Mapping[int, Tensor]]  # by parameter and dimension; others whole

    def within(self, larger: nn.Module) -> nn.Module:
        """Return it as a module; gradients flow into the parameters of `larger`."""
        return _Sliced(self, larger)


class _Sliced(nn.Module):
    """A slice of a network, as a module that can be called like it."""

    def __init__(self, part: Slice, larger: nn.Module) -> None:
        super().__init__()
        self._part = part
        self._larger = larger

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Return the outputs of the smaller network."""
        all_weights = dict(self._larger.named_parameters())
        network, kept = self._part.network, self._part.kept
        own = {
            name: _part(all_weights[name], kept.get(name, {}))
            for name, _ in network.named_parameters()
        }
        return functional_call(network, own, args, kwargs)


def drawn(slices: Sequence[Slice]) -> list[Slice]:
    """Draw the slices for one step: the smallest, which is the first, and a few others."""
    smallest, others = slices[:1], slices[1:]
    return [*smallest, *random.sample(others, min(_NUM_DRAWN, len(others)))]


def num_at_once(num_slices: int) -> int:
    """Return the number of networks that a step trains, including the largest."""
    return 1 + min(num_slices, 1 + _NUM_DRAWN)


def _part(weight: Tensor, kept: Mapping[int, Tensor]) -> Tensor:
    for dim, positions in kept.items():
        weight = weight.index_select(dim, positions)
    return weight
