"""SNIP: connection sensitivity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from torch import Tensor, nn

from paretoprune.config.values import Positive
from paretoprune.pruning.modes import normalising_by_batch
from paretoprune.pruning.scorers.parts.channels import Batches, named_weights
from paretoprune.pruning.scorers.parts.gradients import mean_gradients
from paretoprune.pruning.scorers.parts.sums import SummedOverWeights


@dataclass(frozen=True)
class Snip(SummedOverWeights):
    """Sum of |weight x gradient| over all weights that belong to a channel.

    Lee et al. 2019 (SNIP: Single-shot Network Pruning based on Connection Sensitivity, section 4,
    eq. 5), without the constant that normalises all scores of a network to a sum of 1. Unlike in
    `Taylor`, effects of opposite sign do not cancel. Designed for networks before training:
    BatchNorm uses batch statistics, as in training, and dropout is off.
    """

    batches: Positive = 1

    def values(
        self, model: nn.Module, tensors: Sequence[str], batches: Batches
    ) -> dict[str, Tensor]:
        """Return |weight x gradient|."""
        weights = named_weights(model, tensors)
        chosen = islice(batches, self.batches)
        gradients = mean_gradients(model, weights, chosen, normalising_by_batch)
        return {name: (w.detach() * gradients[name]).abs() for name, w in weights.items()}
