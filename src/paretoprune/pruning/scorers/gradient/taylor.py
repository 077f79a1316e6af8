"""Taylor criterion: first-order change of the loss when a channel is removed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor, nn

from paretoprune.config.values import Positive
from paretoprune.pruning.groups import Group
from paretoprune.pruning.scorers.parts.channels import Batches, named_weights, on_cpu, sums_of
from paretoprune.pruning.scorers.parts.gradients import (
    Weights,
    check_gradients,
    mean_gradients,
    weights_of,
)


@dataclass(frozen=True)
class Taylor:
    """Mean over batches of (sum of weight x gradient)^2, over all weights of a channel.

    The gradient is that of the mean cross-entropy of one of the first `batches` batches, in
    evaluation mode, so that BatchNorm statistics do not change. It is the group importance of
    Molchanov et al. 2019 (Importance Estimation for Neural Network Pruning, eq. 8), squared for
    each minibatch and then averaged (section 3.2): effects of opposite sign do not cancel between
    batches.
    """

    batches: Positive = 8

    def __call__(
        self, model: nn.Module, groups: Sequence[Group], batches: Batches
    ) -> dict[str, Tensor]:
        """Scores by group name, shape (width,), higher is more important.

        `batches` yields (x, y, ...) as in training. Modes, gradients and `requires_grad` of the
        model are left as they were.

        Raises:
            PruningError: there is no batch, or the gradient is not finite.
        """
        weights = weights_of(model, groups)
        squares = [
            sums_of(groups, weights, products)
            for products in _products(model, weights, islice(batches, self.batches))
        ]
        check_gradients({}, len(squares))
        return {
            group.name: torch.stack([sums[group.name].square() for sums in squares]).mean(0).float()
            for group in groups
        }

    def per_weight(
        self, model: nn.Module, tensors: Sequence[str], batches: Batches
    ) -> dict[str, Tensor]:
        """Return the mean over batches of (weight x gradient)^2, by tensor name, shaped like it."""
        weights = named_weights(model, tensors)
        total = {name: torch.zeros_like(weight) for name, weight in weights.items()}
        count = 0
        for products in _products(model, weights, islice(batches, self.batches)):
            count += 1
            for name, product in products.items():
                total[name] = total[name] + product.square()
        check_gradients(total, count)
        return on_cpu({name: value / count for name, value in total.items()})


def _products(model: nn.Module, weights: Weights, batches: Batches) -> Iterator[dict[str, Tensor]]:
    """Yield weight x gradient of the mean loss of each batch, by weight."""
    for batch in batches:
        gradients = mean_gradients(model, weights, [batch])
        yield {name: w.detach() * gradients[name] for name, w in weights.items()}
