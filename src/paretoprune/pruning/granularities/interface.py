"""The interface of granularities."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import nn

from paretoprune.pruning.groups import Groups
from paretoprune.pruning.unstructured.layers import MaskedLayers
from paretoprune.tasks.inputs import Inputs


@runtime_checkable
class Granularity(Protocol):
    """The unit that pruning removes, and thereby the dimensions of the search.

    The `_target_` of `granularity` is a frozen dataclass with this method; its fields are the
    options. A structured granularity finds groups of channels or blocks, which make the model
    smaller; an unstructured one finds layers whose weights are set to zero by a sparsity pattern.
    The attribute `traits` of the class may name:

    - `is_unstructured`: weights are set to zero; required if `find` returns `MaskedLayers`.
    - `removes_channels`: single channels are removed, so that ranks can be searched as well.
    - `has_single_weights`: the unit is a single weight, so that `schedule=regrow` can exchange it.
    """

    def find(self, model: nn.Module, example: Inputs, /) -> Groups | MaskedLayers:
        """Return the prunable units of a model, and those that are kept, with the reason.

        Called once per problem, before training; the result of a structured granularity is cached
        on disk. `example` are 8 inputs on the model's device. The model must not be changed.

        Raises:
            PruningError: nothing can be pruned.
        """
