"""Movement pruning: channels whose weights move towards zero in training are unimportant."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from torch import Tensor, nn

from paretoprune.config.values import Positive
from paretoprune.pruning.groups import Group
from paretoprune.pruning.scorers.channels import named_weights, on_cpu, sums_of
from paretoprune.pruning.scorers.gradient.gradients import (
    Weights,
    sum_over,
    summed_gradients,
    weights_of,
)
from paretoprune.tasks.bound import TaskBatch


@dataclass(frozen=True)
class Movement:
    """Sum over training steps of - weight x gradient, shifted to a minimum of 0 in each group.

    Sanh et al. 2020 (Movement Pruning: Adaptive Sparsity by Fine-Tuning, section 4, eq. 3), without
    the constant learning rate. The steps are gradient descent on a copy of the model, one for each
    batch; a weight that moves away from zero gains.
    """

    batches: Positive = 16
    learning_rate: float = 1e-3

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
        moved = self._moved(model, list(weights), batches)
        scores = sums_of(groups, weights, moved)
        return {name: (score - score.min()).float() for name, score in scores.items()}

    def per_weight(
        self,
        model: nn.Module,
        tensors: Sequence[str],
        batches: Iterable[TaskBatch],
    ) -> dict[str, Tensor]:
        """Return the sum for each weight, by tensor name, shaped like it; it may be negative."""
        return on_cpu(self._moved(model, tensors, batches))

    def _moved(
        self, model: nn.Module, tensors: Sequence[str], batches: Iterable[TaskBatch]
    ) -> dict[str, Tensor]:
        working = copy.deepcopy(model)
        weights: Weights = named_weights(working, tensors)

        def step(batch: TaskBatch) -> Iterator[tuple[str, Tensor]]:
            gradients = summed_gradients(working, weights, batch)
            for name, weight in weights.items():
                mean = gradients[name] / len(batch)
                yield name, -(weight.detach() * mean)
                weight.detach().sub_(mean, alpha=self.learning_rate)

        return sum_over(working, weights, islice(batches, self.batches), step)[0]
