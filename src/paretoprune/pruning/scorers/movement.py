"""Channels whose weights shrink when the network is trained further matter little."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor, nn

from paretoprune.pruning.groups import Group
from paretoprune.pruning.modes import evaluating
from paretoprune.pruning.scorers.channels import named_weights, on_cpu, sum_per_channel
from paretoprune.pruning.scorers.gradients import (
    Weights,
    check_gradients,
    requiring_grad,
    summed_gradients,
    weights_of,
)


@dataclass(frozen=True)
class Movement:
    """The sum over training steps of - weight x gradient, raised to begin at 0 in each group.

    Sanh et al. 2020 (Movement Pruning: Adaptive Sparsity by Fine-Tuning, section 4, eq. 3), without
    the constant learning rate. The steps are those of gradient descent on a copy of the model, one
    for each batch; a weight that moves away from zero gains.
    """

    batches: int = 16
    learning_rate: float = 1e-3

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
        moved = self._moved(model, list(weights), batches)
        scores = {
            group.name: sum_per_channel(group, weights, lambda name, _weight: moved[name])
            for group in groups
        }
        return {name: (score - score.min()).float() for name, score in scores.items()}

    def per_weight(
        self,
        model: nn.Module,
        tensors: Sequence[str],
        batches: Iterable[Sequence[Tensor]],
    ) -> dict[str, Tensor]:
        """The sum for each weight, by tensor name, shaped like it; it may be negative."""
        return on_cpu(self._moved(model, tensors, batches))

    def _moved(
        self, model: nn.Module, tensors: Sequence[str], batches: Iterable[Sequence[Tensor]]
    ) -> dict[str, Tensor]:
        working = copy.deepcopy(model)
        weights: Weights = named_weights(working, tensors)
        total = {name: torch.zeros_like(weight) for name, weight in weights.items()}
        samples = 0
        with evaluating(working), requiring_grad(weights):
            for x, y, *_ in islice(batches, self.batches):
                samples += len(y)
                gradients = summed_gradients(working, weights, x, y)
                with torch.no_grad():
                    for name, weight in weights.items():
                        mean = gradients[name] / len(y)
                        total[name] -= weight * mean
                        weight.sub_(mean, alpha=self.learning_rate)
        check_gradients(total, samples)
        return total
