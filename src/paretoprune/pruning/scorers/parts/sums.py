"""The common form of scorers that add up one number for each weight of a channel."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from torch import Tensor, nn

from paretoprune.pruning.groups import Group
from paretoprune.pruning.scorers.parts.channels import Batches, on_cpu, sums_of
from paretoprune.pruning.scorers.parts.gradients import weights_of


class SummedOverWeights(ABC):
    """A scorer of single weights (`values`), whose score of a channel is a sum over its weights.

    `of_sums` and `of_weights` make importances of the sums and of the values, which may be
    negative.
    """

    @abstractmethod
    def values(
        self, model: nn.Module, tensors: Sequence[str], batches: Batches
    ) -> dict[str, Tensor]:
        """Return a number for each weight, by tensor name, shaped like it.

        `batches` yields (x, y, ...) as in training; the model is left as it was.

        Raises:
            PruningError: there is no batch, or a value is not finite.
        """

    def of_sums(self, sums: Tensor) -> Tensor:
        """Return the importances of a group's channels from their sums: (width,), float64."""
        return sums

    def of_weights(self, values: Tensor) -> Tensor:
        """Return the importances of the weights of a tensor from their values."""
        return values

    def __call__(
        self, model: nn.Module, groups: Sequence[Group], batches: Batches
    ) -> dict[str, Tensor]:
        """Return scores by group name, shape (width,); raises as `values` does."""
        weights = weights_of(model, groups)
        sums = sums_of(groups, weights, self.values(model, list(weights), batches))
        return {name: self.of_sums(total).float() for name, total in sums.items()}

    def per_weight(
        self, model: nn.Module, tensors: Sequence[str], batches: Batches
    ) -> dict[str, Tensor]:
        """Return scores by tensor name, shaped like it; raises as `values` does."""
        values = self.values(model, tensors, batches)
        return on_cpu({name: self.of_weights(value) for name, value in values.items()})
