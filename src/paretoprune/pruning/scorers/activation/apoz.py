"""Average percentage of zeros (APoZ): channels that are mostly zero are unimportant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from paretoprune.config.values import Positive
from paretoprune.pruning.groups import Group
from paretoprune.pruning.scorers.parts.channels import Batches
from paretoprune.pruning.scorers.parts.inputs import input_means, mean_over_consumers


@dataclass(frozen=True)
class Apoz:
    """Share of nonzero activations over samples and positions: 1 - APoZ.

    Hu et al. 2016 (Network Trimming: A Data-Driven Neuron Pruning Approach towards Efficient Deep
    Architectures, section 3: the Average Percentage of Zeros). The activations are the inputs of
    the layers that take the channel. Without a ReLU before them, all channels score 1.
    """

    batches: Positive = 8

    def __call__(
        self, model: nn.Module, groups: Sequence[Group], batches: Batches
    ) -> dict[str, Tensor]:
        """Scores by group name, shape (width,), higher is more important. Labels are not used.

        Raises:
            PruningError: there is no batch, or activations cannot be read.
        """
        means = input_means(
            model, groups, batches, limit=self.batches, reading=lambda values: values != 0
        )
        return mean_over_consumers(model, groups, means)
