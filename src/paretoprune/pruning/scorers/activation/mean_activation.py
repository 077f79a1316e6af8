"""Mean activation: channels with small activations on the training data are unimportant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from paretoprune.config.values import Positive
from paretoprune.pruning.groups import Group
from paretoprune.pruning.scorers.parts.channels import Batches
from paretoprune.pruning.scorers.parts.inputs import input_means, mean_over_consumers


@dataclass(frozen=True)
class MeanActivation:
    """Mean of |activation| over samples and positions of the first `batches` batches.

    Molchanov et al. 2017 (Pruning Convolutional Neural Networks for Resource Efficient Inference,
    section 2.2, "activation"). The activations are the inputs of the layers that take the channel,
    hence after BatchNorm and the activation function; scores are averaged over these layers.
    """

    batches: Positive = 8

    def __call__(
        self, model: nn.Module, groups: Sequence[Group], batches: Batches
    ) -> dict[str, Tensor]:
        """Scores by group name, shape (width,), higher is more important. Labels are not used.

        Raises:
            PruningError: there is no batch, or activations cannot be read or are not finite.
        """
        means = input_means(model, groups, batches, limit=self.batches, reading=Tensor.abs)
        return mean_over_consumers(model, groups, means)
