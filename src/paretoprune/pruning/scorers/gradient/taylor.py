"""Channels whose removal changes the loss little, to first order, matter little."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from torch import Tensor, nn

from paretoprune.config.values import Positive
from paretoprune.pruning.groups import Group
from paretoprune.pruning.scorers.channels import named_weights, on_cpu, sums_of
from paretoprune.pruning.scorers.gradient.gradients import mean_gradients, weights_of


@dataclass(frozen=True)
class Taylor:
    """|sum of weight x gradient| over all weights that belong to a channel.

    The gradient is that of the mean cross-entropy over the first `batches` batches, in evaluation
    mode, so that BatchNorm statistics stay. It is the root of the group importance of Molchanov et
    al. 2019 (Importance Estimation for Neural Network Pruning, eq. 8), which squares the sum.
    """

    batches: Positive = 8

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
        gradients = mean_gradients(model, weights, islice(batches, self.batches))
        products = {name: w.detach() * gradients[name] for name, w in weights.items()}
        return {n: s.abs().float() for n, s in sums_of(groups, weights, products).items()}

    def per_weight(
        self,
        model: nn.Module,
        tensors: Sequence[str],
        batches: Iterable[Sequence[Tensor]],
    ) -> dict[str, Tensor]:
        """|weight x gradient|, by tensor name, shaped like it."""
        weights = named_weights(model, tensors)
        gradients = mean_gradients(model, weights, islice(batches, self.batches))
        return on_cpu({name: (w * gradients[name]).abs() for name, w in weights.items()})
