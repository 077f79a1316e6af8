"""Models under compression: the interface over which pruning schedules are written.

A schedule scores a candidate, prunes it and trains the result, in the same way for removed
channels, masked weights and low ranks.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, Self

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from paretoprune.errors import EquivalenceError, PruningError
from paretoprune.low_rank.components import energies_of
from paretoprune.low_rank.factor import factored
from paretoprune.low_rank.merge import merged
from paretoprune.low_rank.pair import pairs_of, saving_ranks
from paretoprune.low_rank.ranks import rank_group
from paretoprune.pruning.groups import Group, gone_blocks
from paretoprune.pruning.scorers.interface import Scorer, WeightScorer, score_groups
from paretoprune.pruning.structured.apply import apply_plan, removed_positions
from paretoprune.pruning.structured.coordinates import compose, relative_plan, restrict_groups
from paretoprune.pruning.structured.equivalence import check_equivalence
from paretoprune.pruning.structured.layers import output_dim
from paretoprune.pruning.structured.masks import mask_tensors, masked_model
from paretoprune.pruning.structured.plan import Plan, make_plan
from paretoprune.pruning.structured.ranks import in_pairs, ranks_of, without_ranks
from paretoprune.pruning.unstructured.layers import MaskedLayers, zero, zeros_in
from paretoprune.tasks.bound import TaskBatch
from paretoprune.tasks.inputs import Example

Scores = Mapping[str, Tensor]


class Candidate(Protocol):
    """A model with some parts already removed, that can be scored and pruned further.

    A pruning schedule alternates `score`, `prune` and training of `model`. Candidates are immutable
    except for training, which changes the weights of `model` in place. Implementations:
    `PrunedCandidate` (channels, heads, blocks and ranks) and `MaskedCandidate` (zeros among the
    weights).

    Widths are numbers of units by group name: channels, attention heads, blocks, ranks, or the
    units of a weight pattern. A width never grows from a candidate to the next. Scores are in the
    form that `score` returns; a higher score means more important.
    """

    @property
    def model(self) -> nn.Module:
        """The model in its current form, ready to be trained or scored."""

    @property
    def plan(self) -> Plan:
        """The removed channels, by their indices in the dense model; empty for masked weights."""

    @property
    def fixed_masks(self) -> Mapping[str, Tensor]:
        """Boolean masks by tensor name (False = zero); empty for physical removal.

        They are applied after every optimizer step, so that pruned weights stay zero.
        """

    def widths(self) -> dict[str, int]:
        """Number of remaining units (channels, or units of a weight pattern) by group name."""

    def score(self, scorer: Scorer, batches: Iterable[TaskBatch]) -> dict[str, Tensor]:
        """Compute the importance of all remaining units, in the form that `prune` takes.

        `batches` are calibration samples.
        """

    def unit_scores(self, scores: Scores) -> dict[str, Tensor]:
        """Reduce scores to one number per unit: a tensor (width,) by group name."""

    def prune(self, scores: Scores, widths: Mapping[str, int], *, proof: Example | None) -> Self:
        """Return a pruned copy that keeps the `widths[name]` best-scored units of each group.

        Groups without an entry in `widths` stay as they are; removed units are never restored. With
        `proof`, a batch of real inputs, the pruned model is checked to compute the same outputs as
        the masked model.

        Raises:
            EquivalenceError: the outputs differ by more than rounding, or more units are left than
                asked for.
        """

    def masks(self, scores: Scores, widths: Mapping[str, int]) -> dict[str, Tensor]:
        """Return masks by tensor name that have the effect of `prune` at unchanged shapes."""

    def of(self, dense: nn.Module) -> Self:
        """Apply the same removal to other weights of the dense model, as in weight rewinding."""

    def kept_rows(self, wider: Self) -> dict[str, list[int]]:
        """Return the kept output indices, by weight name, relative to `wider`.

        `wider` is the candidate from which this one was pruned; only weights that lost outputs
        since are listed. Compensation uses the rows to compare the outputs of both models.
        """


@dataclass(frozen=True)
class PrunedCandidate:
    """A model with channels physically removed, then some layers replaced by low-rank pairs.

    Components of a layer are ordered by their singular values: a rank keeps the largest. A layer
    of which a pair would not be smaller stays whole.
    """

    model: nn.Module
    plan: Plan
    dense_groups: tuple[Group, ...]
    factored: tuple[str, ...] = ()  # paths of the layers whose rank may be lowered

    @property
    def groups(self) -> tuple[Group, ...]:
        """The groups restricted to the remaining channels, in the coordinates of `model`."""
        return in_pairs(restrict_groups(self.dense_groups, self.plan), pairs_of(self.model))

    @property
    def fixed_masks(self) -> Mapping[str, Tensor]:
        """Empty: removed channels need no mask."""
        return {}

    def widths(self) -> dict[str, int]:
        """Number of remaining channels by group name."""
        return self.plan.widths(self.dense_groups)

    def score(self, scorer: Scorer, batches: Iterable[TaskBatch]) -> dict[str, Tensor]:
        """Score each channel and each block; zero for channels that no tensor depends on.

        Components of a layer are scored by their share of its squared weights.
        """
        return score_groups(scorer, self.model, self.groups, batches) | self.energies()

    def energies(self) -> dict[str, Tensor]:
        """Return each component's share of the squared weights of its layer, by group name."""
        widths = self.widths()
        blocks = gone_blocks(self.dense_groups, self.plan.removed)
        paths = [path for path in self.factored if not any(block.holds(path) for block in blocks)]
        found = {}
        for path, values in energies_of(self.model, paths).items():
            width = widths[rank_group(path)]
            found[rank_group(path)] = pad(values[:width], (0, width - len(values[:width])))
        return found

    def unit_scores(self, scores: Scores) -> dict[str, Tensor]:
        """Return the scores unchanged: they are per channel already."""
        return dict(scores)

    def prune(
        self, scores: Scores, widths: Mapping[str, int], *, proof: Example | None
    ) -> PrunedCandidate:
        """Return the smaller model, checked against the masked one if `proof` is given.

        Channels are removed from the merged layers, which are then factored again: the product of a
        pair counts, not its present components.
        """
        whole, groups = merged(self.model), restrict_groups(self.dense_groups, self.plan)
        step = make_plan(groups, self._in_order(scores, groups), widths)
        smaller = apply_plan(whole, groups, step)
        if proof is not None:
            check_equivalence(masked_model(whole, groups, step), smaller, proof)
        plan = compose(self.dense_groups, self.plan, step)
        return replace(self, model=self._factored(smaller, plan), plan=plan)

    def whole(self) -> PrunedCandidate:
        """Return the candidate with its pairs merged, so that all ranks can be chosen again."""
        return replace(self, model=merged(self.model), plan=without_ranks(self.plan, self.factored))

    def masks(self, scores: Scores, widths: Mapping[str, int]) -> dict[str, Tensor]:
        """Return masks of whole channels; ranks have none."""
        groups = self.groups
        plan = make_plan(groups, self._in_order(scores, groups), widths)
        return mask_tensors(self.model, groups, plan)

    def of(self, dense: nn.Module) -> PrunedCandidate:
        """Remove the same channels from `dense`, and factor its layers to the same ranks."""
        smaller = apply_plan(dense, self.dense_groups, self.plan)
        return replace(self, model=self._factored(smaller, self.plan))

    def kept_rows(self, wider: PrunedCandidate) -> dict[str, list[int]]:
        """Return the remaining indices along the output dimension of each weight.

        A pair has the name of the layer in whose place it is.
        """
        step = relative_plan(self.dense_groups, wider.plan, self.plan)
        left = {}
        whole, groups = merged(wider.model), restrict_groups(wider.dense_groups, wider.plan)
        weights = dict(whole.named_parameters())
        for name, dims in removed_positions(groups, step).items():
            if name not in weights:
                continue
            dim = output_dim(whole.get_submodule(name.rpartition(".")[0]))
            if gone := set(dims.get(dim, ())):
                left[name] = [row for row in range(weights[name].shape[dim]) if row not in gone]
        return left

    def _factored(self, model: nn.Module, plan: Plan) -> nn.Module:
        ranks = ranks_of(self.dense_groups, self.factored, plan)
        return factored(model, saving_ranks(model, ranks))

    def _in_order(self, scores: Scores, groups: Sequence[Group]) -> Scores:
        """Return the scores with falling ones for components, whatever their energies."""
        ranks = {rank_group(path) for path in self.factored}
        falling = {g.name: -torch.arange(float(g.width)) for g in groups if g.name in ranks}
        return {**scores, **falling}


@dataclass(frozen=True)
class MaskedCandidate:
    """A model of dense shapes with zeros among its weights (unstructured or N:M sparsity)."""

    model: nn.Module
    layers: MaskedLayers

    @property
    def plan(self) -> Plan:
        """Empty: no channel is removed."""
        return Plan({})

    @property
    def fixed_masks(self) -> Mapping[str, Tensor]:
        """Masks of the nonzero weights of all layers that contain zeros."""
        return zeros_in(self.model, self.layers.found)

    def widths(self) -> dict[str, int]:
        """Number of remaining units by layer name."""
        tensors = dict(self.model.named_parameters())
        return {
            layer.name: round(layer.units * _share_left(tensors[layer.tensor].detach()))
            for layer in self.layers.found
        }

    def score(self, scorer: Scorer, batches: Iterable[TaskBatch]) -> dict[str, Tensor]:
        """Score each weight: a tensor of the weight's shape by layer name.

        Raises:
            PruningError: the scorer scores channels only.
        """
        if not isinstance(scorer, WeightScorer):
            raise PruningError(
                f"{type(scorer).__name__} scores channels, not single weights; use another "
                "scorer, for example scorer=magnitude, or granularity=channels"
            )
        tensors = [layer.tensor for layer in self.layers.found]
        scores = scorer.per_weight(self.model, tensors, batches)
        return {layer.name: scores[layer.tensor] for layer in self.layers.found}

    def unit_scores(self, scores: Scores) -> dict[str, Tensor]:
        """Reduce scores per weight to scores per unit of the pattern."""
        return self.layers.unit_scores(scores)

    def prune(
        self, scores: Scores, widths: Mapping[str, int], *, proof: Example | None
    ) -> MaskedCandidate:
        """Return a copy with more zeros; the number of remaining units is always checked."""
        prune = replace(self, model=copy.deepcopy(self.model))
        zero(prune.model, self.masks(scores, widths))
        left = prune.widths()
        for name, width in widths.items():
            if left[name] > width:
                raise EquivalenceError(f"`{name}` keeps {left[name]} units instead of {width}")
        return prune

    def masks(self, scores: Scores, widths: Mapping[str, int]) -> dict[str, Tensor]:
        """Return masks of single weights; weights that are zero already rank lowest."""
        tensors = dict(self.model.named_parameters())
        lowest = {
            layer.name: scores[layer.name].masked_fill(
                tensors[layer.tensor].detach().cpu() == 0, -torch.inf
            )
            for layer in self.layers.found
        }
        return self.layers.masks(lowest, widths)

    def of(self, dense: nn.Module) -> MaskedCandidate:
        """Set the same weights of `dense` to zero."""
        model = copy.deepcopy(dense)
        zero(model, self.fixed_masks)
        return replace(self, model=model)

    def kept_rows(self, wider: MaskedCandidate) -> dict[str, list[int]]:
        """Empty: all outputs remain."""
        return {}


def _share_left(weight: Tensor) -> float:
    return int(torch.count_nonzero(weight)) / weight.numel()
