"""Channels whose connections hardly touch the loss matter little."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from torch import Tensor, nn

from paretoprune.pruning.groups import Group
from paretoprune.pruning.modes import evaluating
from paretoprune.pruning.scorers.channels import named_weights, on_cpu, sum_per_channel
from paretoprune.pruning.scorers.gradients import (
    Weights,
    mean_gradients,
    requiring_grad,
    weights_of,
)


@dataclass(frozen=True)
class Snip:
    """The sum of |weight x gradient| over all weights that belong to a channel.

    Lee et al. 2019 (SNIP: Single-shot Network Pruning based on Connection Sensitivity, section 4,
    eq. 5), without the constant that makes all scores of a network add up to 1. Unlike `Taylor`,
    weights whose effects on the loss cancel out count. Made for networks before training.
    """

    batches: int = 1

    def __call__(
        self,
        model: nn.Module,
        groups: Sequence[Group],
        batches: Iterable[Sequence[Tensor]],
    ) -> dict[str, Tensor]:
        """Scores by group name, shape (width,), higher is more important.

        `batches` yields (x, y, ...) as in training; the model is left as it was.

        Raises:
            PruningError: there is no batch, or the gradient is not finite.
        """
        weights = weights_of(model, groups)
        gradients = self._gradients(model, weights, batches)
        return {
            group.name: sum_per_channel(
                group, weights, lambda name, weight: (weight * gradients[name]).abs()
            ).float()
            for group in groups
        }

    def per_weight(
        self,
        model: nn.Module,
        tensors: Sequence[str],
        batches: Iterable[Sequence[Tensor]],
    ) -> dict[str, Tensor]:
        """|weight x gradient|, by tensor name, shaped like it."""
        weights = named_weights(model, tensors)
        gradients = self._gradients(model, weights, batches)
        return on_cpu({name: (w * gradients[name]).abs() for name, w in weights.items()})

    def _gradients(
        self, model: nn.Module, weights: Weights, batches: Iterable[Sequence[Tensor]]
    ) -> dict[str, Tensor]:
        with evaluating(model), requiring_grad(weights):
            return mean_gradients(model, weights, islice(batches, self.batches))
