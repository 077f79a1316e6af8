"""SNIP: connection sensitivity."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from torch import Tensor, nn

from paretoprune.config.values import Positive
from paretoprune.pruning.groups import Group
from paretoprune.pruning.modes import normalising_by_batch
from paretoprune.pruning.scorers.channels import named_weights, on_cpu, sums_of
from paretoprune.pruning.scorers.gradient.gradients import mean_gradients, weights_of
from paretoprune.tasks.bound import TaskBatch


@dataclass(frozen=True)
class Snip:
    """Sum of |weight x gradient| over all weights that belong to a channel.

    Lee et al. 2019 (SNIP: Single-shot Network Pruning based on Connection Sensitivity, section 4,
    eq. 5), without the constant that normalises all scores of a network to a sum of 1. Unlike in
    `Taylor`, effects of opposite sign do not cancel. Designed for networks before training:
    BatchNorm uses batch statistics, as in training, and dropout is off.
    """

    batches: Positive = 1

    def __call__(
        self,
        model: nn.Module,
        groups: Sequence[Group],
        batches: Iterable[TaskBatch],
    ) -> dict[str, Tensor]:
        """Scores by group name, shape (width,), higher is more important.

        `batches` yields (x, y, ...) as in training; the model is left as it was.

        Raises:
            PruningError: there is no batch, or the gradient is not finite.
        """
        weights = weights_of(model, groups)
        gradients = mean_gradients(
            model, weights, islice(batches, self.batches), normalising_by_batch
        )
        products = {name: (w.detach() * gradients[name]).abs() for name, w in weights.items()}
        return {n: score.float() for n, score in sums_of(groups, weights, products).items()}

    def per_weight(
        self,
        model: nn.Module,
        tensors: Sequence[str],
        batches: Iterable[TaskBatch],
    ) -> dict[str, Tensor]:
        """Return |weight x gradient|, by tensor name, shaped like it."""
        weights = named_weights(model, tensors)
        gradients = mean_gradients(
            model, weights, islice(batches, self.batches), normalising_by_batch
        )
        return on_cpu({name: (w * gradients[name]).abs() for name, w in weights.items()})
