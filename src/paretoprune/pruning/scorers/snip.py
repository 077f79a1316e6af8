"""Channels whose connections hardly touch the loss matter little."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from torch import Tensor, nn

from paretoprune.pruning.groups import Group
from paretoprune.pruning.modes import evaluating
from paretoprune.pruning.scorers.channels import sum_per_channel
from paretoprune.pruning.scorers.gradients import mean_gradients, requiring_grad, weights_of


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
        with evaluating(model), requiring_grad(weights):
            gradients = mean_gradients(model, weights, islice(batches, self.batches))
        return {
            group.name: sum_per_channel(
                group, weights, lambda name, weight: (weight * gradients[name]).abs()
            ).float()
            for group in groups
        }
