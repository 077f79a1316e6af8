"""Channels whose removal changes the loss little, to first order, matter little."""

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
class Taylor:
    """|sum of weight x gradient| over all weights that belong to a channel.

    The gradient is that of the mean cross-entropy over the first `batches` batches, in evaluation
    mode, so that BatchNorm statistics stay. It is the root of the group importance of Molchanov et
    al. 2019 (Importance Estimation for Neural Network Pruning, eq. 8), which squares the sum.
    """

    batches: int = 8

    def __call__(
        self,
        model: nn.Module,
        groups: Sequence[Group],
        batches: Iterable[Sequence[Tensor]],
    ) -> dict[str, Tensor]:
        """Scores by group name, shape (width,), higher is more important.

        `batches` yields (x, y, ...) as in training. Modes, gradients and `requires_grad` of the
        model are left as they were.

        Raises:
            PruningError: there is no batch, or the gradient is not finite.
        """
        weights = weights_of(model, groups)
        gradients = self._gradients(model, weights, batches)
        return {
            group.name: sum_per_channel(
                group, weights, lambda name, weight: weight * gradients[name]
            )
            .abs()
            .float()
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
