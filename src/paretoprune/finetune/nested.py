"""Smaller networks whose weights are parts of a larger one's, trained with it.

One training then serves many sizes. Each step trains the largest, the smallest and some between, on
the same batch: the sandwich rule of Yu and Huang 2019 (Universally Slimmable Networks and Improved
Training Techniques).
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn
from torch.func import functional_call

_NUM_DRAWN = 2  # of those between the largest and the smallest, at each step


@dataclass(frozen=True)
class Slice:
    """A smaller network that has no weights of its own: it takes them from a larger one.

    In training mode it needs no statistics of BatchNorm; those that it gathers are nobody's.
    """

    network: nn.Module  # of its shapes; the values of its parameters are not used
    kept: Mapping[str, Mapping[int, Tensor]]  # by parameter and dimension; all of what is not named

    def __call__(self, larger: nn.Module, x: Tensor) -> Tensor:
        """What it answers; gradients go into the parameters of `larger`."""
        all_weights = dict(larger.named_parameters())
        own = {
            name: _part(all_weights[name], self.kept.get(name, {}))
            for name, _ in self.network.named_parameters()
        }
        answer: Tensor = functional_call(self.network, own, (x,))
        return answer


def drawn(slices: Sequence[Slice]) -> list[Slice]:
    """Those of one step beside the largest: the smallest, which is the first, and a few more."""
    smallest, others = slices[:1], slices[1:]
    return [*smallest, *random.sample(others, min(_NUM_DRAWN, len(others)))]


def num_at_once(num_slices: int) -> int:
    """How many networks a step trains, the largest included."""
    return 1 + min(num_slices, 1 + _NUM_DRAWN)


def _part(weight: Tensor, kept: Mapping[int, Tensor]) -> Tensor:
    for dim, positions in kept.items():
        weight = weight.index_select(dim, positions)
    return weight
