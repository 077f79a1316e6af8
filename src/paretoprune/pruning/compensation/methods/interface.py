"""The interface of compensation methods."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn

from paretoprune.pruning.compensation.moments import Moments

__all__ = ["Compensation", "Moments"]


class Compensation(ABC):
    """Updates the remaining weights of a layer, so that its outputs change little.

    The `_target_` of `compensation` is a subclass; its fields are its options, given as
    `compensation.NAME=...`. After each pruning, before any training, it is called for every
    convolution without groups and every linear layer in forward order, with the inputs that the
    layer receives in the pruned network (`compensation/compensate.py`). A pair of low-rank layers
    is updated as the layer in whose place it is, factored again, and then its second part updated.

    `traits` declares properties that other parts of the program need:
        `fits_outputs`: the weights are fitted to the outputs before pruning, so that a channel
            counts by the part of it that the other channels cannot reconstruct;
        `keeps_weights`: biases alone change, so that low-rank pairs are not factored again;
        `needs_zeros`: it reads from the zeros of a weight what was removed, so that it needs a
            granularity that sets weights to zero.
    """

    traits: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def update(self, layer: nn.Module, dense: Tensor, moments: Moments, /) -> None:
        """Change the weight and the bias of `layer` in place; zeros of the weight stay zero.

        `dense` is the weight before pruning as a matrix (outputs, inputs), of the same shape as the
        layer's where weights are set to zero. `moments` has the sums over the calibration samples,
        in float64. `matrix_of` and `add_to` of `compensation.updatable` read and change a weight as
        a matrix, whatever the kind of the layer.
        """
