"""A network on its way: some of it is gone, and more can go.

Schedules are written once, over this interface: they ask for scores, cut, and train what is left.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, Self

import torch
from torch import Tensor, nn

from paretoprune.errors import EquivalenceError, PruningError
from paretoprune.pruning.groups import Group
from paretoprune.pruning.scorers.interface import Scorer, WeightScorer, score_groups
from paretoprune.pruning.structured.apply import apply_plan, removed_positions
from paretoprune.pruning.structured.coordinates import compose, relative_plan, restrict_groups
from paretoprune.pruning.structured.equivalence import check_equivalence
from paretoprune.pruning.structured.layers import output_dim
from paretoprune.pruning.structured.masks import mask_tensors, masked_model
from paretoprune.pruning.structured.plan import Plan, make_plan
from paretoprune.pruning.unstructured.layers import MaskedLayers, zero, zeros_in

Scores = Mapping[str, Tensor]


class Candidate(Protocol):
    """A model, what it lost, and how it can lose more. Only training changes it in place."""

    @property
    def model(self) -> nn.Module:
        """What is left."""

    @property
    def plan(self) -> Plan:
        """The channels that are gone, in the dense model's numbers; none where weights went."""

    @property
    def fixed_masks(self) -> Mapping[str, Tensor]:
        """Masks, by tensor name, that training must keep to, so that what went stays away."""

    def widths(self) -> dict[str, int]:
        """How many channels (or units of a layer) are left, by group name."""

    def score(self, scorer: Scorer, batches: Iterable[Sequence[Tensor]]) -> dict[str, Tensor]:
        """Scores for all that is left, as `cut` takes them."""

    def unit_scores(self, scores: Scores) -> dict[str, Tensor]:
        """The scores with one number for each channel or unit: (width,) by group name."""

    def prune(self, scores: Scores, widths: Mapping[str, int], *, proof: Tensor | None) -> Self:
        """A copy with so much left of each group, the best-scored of it; nothing comes back.

        With `proof`, real inputs, the result is proved to compute what the masked model computes.

        Raises:
            EquivalenceError: it does not.
        """

    def masks(self, scores: Scores, widths: Mapping[str, int]) -> dict[str, Tensor]:
        """Masks by tensor name that do to `model` what `cut` does, with its shapes as they are."""

    def of(self, dense: nn.Module) -> Self:
        """The same gone from other weights of the dense model."""

    def kept_rows(self, wider: Self) -> dict[str, list[int]]:
        """By weight that lost outputs since `wider`, the outputs of the wider model that are left.

        This candidate was cut from `wider`.
        """


@dataclass(frozen=True)
class PrunedCandidate:
    """A model without some channels: really smaller."""

    model: nn.Module
    plan: Plan
    dense_groups: tuple[Group, ...]

    @property
    def groups(self) -> tuple[Group, ...]:
        """What is left of the groups, in the channels of `model`."""
        return restrict_groups(self.dense_groups, self.plan)

    @property
    def fixed_masks(self) -> Mapping[str, Tensor]:
        """None: what went is not there."""
        return {}

    def widths(self) -> dict[str, int]:
        """Channels left."""
        return self.plan.widths(self.dense_groups)

    def score(self, scorer: Scorer, batches: Iterable[Sequence[Tensor]]) -> dict[str, Tensor]:
        """A score for each channel, and for each block; zero for what nothing depends on."""
        return score_groups(scorer, self.model, self.groups, batches)

    def unit_scores(self, scores: Scores) -> dict[str, Tensor]:
        """The scores themselves."""
        return dict(scores)

    def prune(
        self, scores: Scores, widths: Mapping[str, int], *, proof: Tensor | None
    ) -> PrunedCandidate:
        """The smaller model."""
        groups = self.groups
        step = make_plan(groups, scores, widths)
        smaller = apply_plan(self.model, groups, step)
        if proof is not None:
            check_equivalence(masked_model(self.model, groups, step), smaller, proof)
        return replace(self, model=smaller, plan=compose(self.dense_groups, self.plan, step))

    def masks(self, scores: Scores, widths: Mapping[str, int]) -> dict[str, Tensor]:
        """Masks of whole channels."""
        groups = self.groups
        return mask_tensors(self.model, groups, make_plan(groups, scores, widths))

    def of(self, dense: nn.Module) -> PrunedCandidate:
        """The same channels gone."""
        return replace(self, model=apply_plan(dense, self.dense_groups, self.plan))

    def kept_rows(self, wider: PrunedCandidate) -> dict[str, list[int]]:
        """What is left along the outputs."""
        step = relative_plan(self.dense_groups, wider.plan, self.plan)
        left = {}
        weights = dict(wider.model.named_parameters())
        for name, dims in removed_positions(wider.groups, step).items():
            if name not in weights:
                continue
            dim = output_dim(wider.model.get_submodule(name.rpartition(".")[0]))
            if gone := set(dims.get(dim, ())):
                left[name] = [row for row in range(weights[name].shape[dim]) if row not in gone]
        return left


@dataclass(frozen=True)
class MaskedCandidate:
    """A model of the dense shapes with zeros among its weights."""

    model: nn.Module
    layers: MaskedLayers

    @property
    def plan(self) -> Plan:
        """No channel is gone."""
        return Plan({})

    @property
    def fixed_masks(self) -> Mapping[str, Tensor]:
        """What is not zero in the layers that have zeros."""
        return zeros_in(self.model, self.layers.found)

    def widths(self) -> dict[str, int]:
        """Units left."""
        tensors = dict(self.model.named_parameters())
        return {
            layer.name: round(layer.units * _share_left(tensors[layer.tensor].detach()))
            for layer in self.layers.found
        }

    def score(self, scorer: Scorer, batches: Iterable[Sequence[Tensor]]) -> dict[str, Tensor]:
        """A score for each weight, by layer name, shaped like it."""
        if not isinstance(scorer, WeightScorer):
            raise PruningError(
                f"{type(scorer).__name__} scores channels, not single weights; use another "
                "scorer, for example scorer=magnitude, or granularity=channels"
            )
        tensors = [layer.tensor for layer in self.layers.found]
        scores = scorer.per_weight(self.model, tensors, batches)
        return {layer.name: scores[layer.tensor] for layer in self.layers.found}

    def unit_scores(self, scores: Scores) -> dict[str, Tensor]:
        """What the pattern makes of the scores."""
        return self.layers.unit_scores(scores)

    def prune(
        self, scores: Scores, widths: Mapping[str, int], *, proof: Tensor | None
    ) -> MaskedCandidate:
        """The model with more zeros; that the zeros are as many as asked for is always proved."""
        prune = replace(self, model=copy.deepcopy(self.model))
        zero(prune.model, self.masks(scores, widths))
        left = prune.widths()
        for name, width in widths.items():
            if left[name] > width:
                raise EquivalenceError(f"`{name}` keeps {left[name]} units instead of {width}")
        return prune

    def masks(self, scores: Scores, widths: Mapping[str, int]) -> dict[str, Tensor]:
        """Masks of single weights; what is zero already goes first."""
        tensors = dict(self.model.named_parameters())
        lowest = {
            layer.name: scores[layer.name].masked_fill(
                tensors[layer.tensor].detach().cpu() == 0, -torch.inf
            )
            for layer in self.layers.found
        }
        return self.layers.masks(lowest, widths)

    def of(self, dense: nn.Module) -> MaskedCandidate:
        """The same weights zero."""
        model = copy.deepcopy(dense)
        zero(model, self.fixed_masks)
        return replace(self, model=model)

    def kept_rows(self, wider: MaskedCandidate) -> dict[str, list[int]]:
        """Nothing: all outputs are left."""
        return {}


def _share_left(weight: Tensor) -> float:
    return int(torch.count_nonzero(weight)) / weight.numel()
