"""Movement pruning: channels whose weights move towards zero in training are unimportant."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from torch import Tensor, nn

from paretoprune.config.values import Positive
from paretoprune.pruning.scorers.parts.channels import Batches, named_weights
from paretoprune.pruning.scorers.parts.gradients import (
    Weights,
    sum_over,
    summed_gradients,
)
from paretoprune.pruning.scorers.parts.sums import SummedOverWeights
from paretoprune.tasks.bound import TaskBatch


@dataclass(frozen=True)
class Movement(SummedOverWeights):
    """Sum over training steps of - weight x gradient, shifted to a minimum of 0 in each group.

    Sanh et al. 2020 (Movement Pruning: Adaptive Sparsity by Fine-Tuning, section 4, eq. 3), without
    the constant learning rate. The steps are gradient descent on a copy of the model, one for each
    batch; a weight that moves away from zero gains.
    """

    batches: Positive = 16
    learning_rate: float = 1e-3

    def values(
        self, model: nn.Module, tensors: Sequence[str], batches: Batches
    ) -> dict[str, Tensor]:
        """Return the sum of - weight x gradient over the steps; it may be negative."""
        working = copy.deepcopy(model)
        weights: Weights = named_weights(working, tensors)

        def step(batch: TaskBatch) -> Iterator[tuple[str, Tensor]]:
            gradients = summed_gradients(working, weights, batch)
            for name, weight in weights.items():
                mean = gradients[name] / len(batch)
                yield name, -(weight.detach() * mean)
                weight.detach().sub_(mean, alpha=self.learning_rate)

        return sum_over(working, weights, islice(batches, self.batches), step)[0]

    def of_sums(self, sums: Tensor) -> Tensor:
        """Return the sums, shifted to a minimum of 0."""
        return sums - sums.min()
