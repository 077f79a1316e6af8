"""The interface of sparse training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from paretoprune.config.values import Positive, Probability, Share
from paretoprune.pruning.groups import Group

__all__ = ["Group", "Penalty", "SparseTraining"]

Penalty = Callable[[float], None]


@dataclass(frozen=True, kw_only=True)
class SparseTraining:
    """A training before pruning, with a penalty or dropout that drives weights towards zero.

    The `_target_` of `sparse_training` is a frozen dataclass derived from it, whose fields are its
    options, given as `sparse_training.NAME=...`. By default it is one phase of a sweep: the dense
    model is trained for `epochs` with `penalty` and `dropout`, and cached; channels are scored
    afterwards, and all trials start from it.

    A penalty adds the gradient of its term to that of the loss. It is called after every backward
    pass with the progress of the training, 0 to 1.

    `traits` declares properties that the settings need:
        `needs_channels`: its penalty is of channels, so that a granularity must remove some;
        `before_each_pruning`: instead of the phase, each trial trains with `penalty_on`, before it
            prunes.
    """

    epochs: Positive = 4
    # Probability that a weight is dropped in a step (Gomez et al. 2019).
    dropout: Probability = 0.0
    # Targeted dropout: share of each layer's smallest weights that may be dropped.
    targeted: Share = 1.0
    traits: ClassVar[tuple[str, ...]] = ()

    def penalty(self, model: nn.Module, groups: Sequence[Group], /) -> Penalty | None:
        """Return the penalty on the weights of `model`; None: there is none.

        `groups` are the prunable groups of channels; empty if weights are set to zero.

        Raises:
            PruningError: the model has none of the weights that are penalised.
        """
        return None

    def penalty_on(self, model: nn.Module, masks: Mapping[str, Tensor], /) -> Penalty | None:
        """Return the penalty on the weights that a trial will prune next.

        `masks` (False = to be pruned) are by the name of a parameter or buffer, in its shape. Used
        with the trait `before_each_pruning`, by schedules with the trait `trains_before_pruning`.
        """
        return None
