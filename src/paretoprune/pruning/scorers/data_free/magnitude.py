"""Magnitude: channels with small weights are unimportant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from paretoprune.pruning.groups import Group
from paretoprune.pruning.scorers.channels import named_weights, on_cpu, sum_per_channel
from paretoprune.tasks.bound import TaskBatch


@dataclass(frozen=True)
class Magnitude:
    """p-norm of all weights that belong to a channel, on the output and the input side.

    Weights are parameters of two dimensions or more. p = 1 is Li et al. 2017 (Pruning Filters for
    Efficient ConvNets, section 3.1); the norm over a whole group is Fang et al. 2023 (DepGraph,
    section 3.3).
    """

    p: Literal[1, 2] = 1

    def __call__(
        self,
        model: nn.Module,
        groups: Sequence[Group],
        batches: Iterable[TaskBatch] = (),
    ) -> dict[str, Tensor]:
        """Scores by group name, shape (width,), higher is more important. No data are used."""
        parameters = dict(model.named_parameters())
        return {
            group.name: sum_per_channel(
                group, parameters, lambda _name, weight: weight.abs().pow(self.p)
            )
            .pow(1 / self.p)
            .float()
            for group in groups
        }

    def per_weight(
        self,
        model: nn.Module,
        tensors: Sequence[str],
        batches: Iterable[TaskBatch] = (),
    ) -> dict[str, Tensor]:
        """Return |weight|, by tensor name, shaped like it."""
        return on_cpu({n: w.detach().abs() for n, w in named_weights(model, tensors).items()})
