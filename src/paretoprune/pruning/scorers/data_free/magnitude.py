"""Magnitude: channels with small weights are unimportant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from paretoprune.pruning.groups import Group
from paretoprune.pruning.scorers.parts.channels import Batches, named_weights, on_cpu, sums_of
from paretoprune.pruning.scorers.parts.gradients import weights_of


@dataclass(frozen=True)
class Magnitude:
    """p-norm of all weights that belong to a channel, on the output and the input side.

    Weights are parameters of two dimensions or more. p = 1 is Li et al. 2017 (Pruning Filters for
    Efficient ConvNets, section 3.1); the norm over a whole group is Fang et al. 2023 (DepGraph,
    section 3.3).
    """

    p: Literal[1, 2] = 1

    def __call__(
        self, model: nn.Module, groups: Sequence[Group], batches: Batches = ()
    ) -> dict[str, Tensor]:
        """Scores by group name, shape (width,), higher is more important. No data are used."""
        weights = weights_of(model, groups)
        powers = {name: weight.detach().abs().pow(self.p) for name, weight in weights.items()}
        sums = sums_of(groups, weights, powers)
        return {name: total.pow(1 / self.p).float() for name, total in sums.items()}

    def per_weight(
        self, model: nn.Module, tensors: Sequence[str], batches: Batches = ()
    ) -> dict[str, Tensor]:
        """Return |weight|, by tensor name, shaped like it."""
        return on_cpu({n: w.detach().abs() for n, w in named_weights(model, tensors).items()})
