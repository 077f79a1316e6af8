"""Models on their way, of channels and of weights: one kit for both."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from paretoprune.errors import EquivalenceError, PruningError
from paretoprune.pruning.candidate import Candidate, MaskedCandidate, PrunedCandidate
from paretoprune.pruning.scorers.data_free.fpgm import Fpgm
from paretoprune.pruning.scorers.data_free.magnitude import Magnitude
from paretoprune.pruning.structured.plan import Plan
from paretoprune.pruning.unstructured.layers import find_layers
from paretoprune.pruning.unstructured.patterns import NofM, Pattern, WeightBlocks, Weights
from paretoprune.pruning.unstructured.size import MaskedSize
from tests.kits import networks
from tests.kits.cases import make_case

PATTERNS = [None, Weights(), NofM(4), WeightBlocks(2, 2)]


def dense_of(pattern: Pattern | None) -> Candidate:
    case = make_case("resnet")
    if pattern is None:
        return PrunedCandidate(case.model, Plan({}), case.groups)
    return MaskedCandidate(case.model, find_layers(case.model, pattern))


def widths_at(candidate: Candidate, share: float) -> dict[str, int]:
    return {name: max(1, round(share * width)) for name, width in candidate.widths().items()}


@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
def test_a_cut_leaves_what_was_asked_for_and_nothing_comes_back(pattern: Pattern | None) -> None:
    case, dense = make_case("resnet"), dense_of(pattern)
    before = copy.deepcopy(dense.model.state_dict())
    scores = dense.score(Magnitude(), [])
    half = dense.prune(scores, widths_at(dense, 0.5), proof=case.example)
    assert half.widths() == widths_at(dense, 0.5)
    quarter = half.prune(half.score(Magnitude(), []), widths_at(dense, 0.25), proof=case.example)
    assert quarter.widths() == widths_at(dense, 0.25)
    assert all(torch.equal(before[n], t) for n, t in dense.model.state_dict().items())
    for name, mask in half.fixed_masks.items():
        assert (quarter.fixed_masks[name] <= mask).all()


def test_a_cut_that_changes_the_function_is_refused() -> None:
    """The channels of a mean: the groups' proof would refuse them, and so does the gate."""
    model, groups = networks.lively(networks.Leak(0.1)), (networks.leaky_group(),)
    dense = PrunedCandidate(model, Plan({}), groups)
    scores = {"conv": torch.arange(8.0)}
    with pytest.raises(EquivalenceError, match="does not compute what the masked dense model"):
        dense.prune(scores, {"conv": 4}, proof=networks.example())
    once = dense.prune(scores, {"conv": 6}, proof=None)  # no proof was asked for
    with pytest.raises(EquivalenceError, match="does not compute what the masked dense model"):
        once.prune({"conv": torch.arange(6.0)}, {"conv": 4}, proof=networks.example())


def test_zeros_that_are_not_as_many_as_asked_for_are_refused() -> None:
    """A pattern that keeps one weight too many."""

    class Greedy(Weights):
        def mask(self, scores: Tensor, keep: int) -> Tensor:
            return super().mask(scores, keep + 1)

    dense = dense_of(Greedy())
    scores = dense.score(Magnitude(), [])
    with pytest.raises(EquivalenceError, match="`conv1` keeps 109 units instead of 108"):
        dense.prune(scores, widths_at(dense, 0.5), proof=None)


@pytest.mark.parametrize("pattern", [Weights(), NofM(4)], ids=str)
def test_zero_weights_are_removed_first_whatever_its_score(pattern: Pattern) -> None:
    dense = dense_of(pattern)
    half = dense.prune(dense.score(Magnitude(), []), widths_at(dense, 0.5), proof=None)
    assert isinstance(half, MaskedCandidate)
    weights = dict(half.model.named_parameters())
    tensors = {layer.name: weights[layer.tensor].detach() for layer in half.layers.found}
    scores = {name: (tensor == 0) + 1 / (1 + tensor.abs()) - 3 for name, tensor in tensors.items()}
    masks = half.masks(scores, widths_at(dense, 0.25))
    assert all((masks[name] <= kept).all() for name, kept in half.fixed_masks.items())
    quarter = half.prune(scores, widths_at(dense, 0.25), proof=None)
    assert quarter.widths() == widths_at(dense, 0.25)
    for name, kept in half.fixed_masks.items():
        assert (quarter.fixed_masks[name] <= kept).all()


@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
def test_masks_and_the_cut_compute_the_same(pattern: Pattern | None) -> None:
    case, dense = make_case("resnet"), dense_of(pattern)
    scores, widths = dense.score(Magnitude(), []), widths_at(dense, 0.5)
    masked = copy.deepcopy(dense.model)
    with torch.no_grad():
        tensors = masked.state_dict()
        for name, mask in dense.masks(scores, widths).items():
            tensors[name].mul_(mask)
        prune = dense.prune(scores, widths, proof=case.example)
        torch.testing.assert_close(masked(case.example), prune.model(case.example))


@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
def test_the_same_is_removed_from_other_weights(pattern: Pattern | None) -> None:
    case, dense = make_case("resnet"), dense_of(pattern)
    prune = dense.prune(dense.score(Magnitude(), []), widths_at(dense, 0.5), proof=None)
    again = prune.of(case.model)
    assert all(
        torch.equal(again.model.state_dict()[name], tensor)
        for name, tensor in prune.model.state_dict().items()
    )


def test_the_rows_left_are_those_that_the_wider_model_had() -> None:
    """Of the dense model, and of one that has lost rows already."""
    dense = dense_of(None)
    scores = {name: torch.rand(width) for name, width in dense.widths().items()}
    half = dense.prune(scores, widths_at(dense, 0.5), proof=None)
    again = {name: torch.rand(width) for name, width in half.widths().items()}
    quarter = half.prune(again, widths_at(half, 0.5), proof=None)
    assert half.kept_rows(half) == {}
    for wider, narrower in ((dense, half), (half, quarter), (dense, quarter)):
        before, after = (dict(c.model.named_parameters()) for c in (wider, narrower))
        rows = narrower.kept_rows(wider)
        assert {*rows} == {name for name in before if len(before[name]) > len(after[name])}
        for name, kept in rows.items():
            assert len(kept) == len(after[name])
            if before[name].dim() == 1:
                assert torch.equal(before[name][kept], after[name])


@pytest.mark.parametrize("pattern", PATTERNS[1:], ids=str)
def test_what_is_not_zero_is_counted(pattern: Pattern) -> None:
    dense = dense_of(pattern)
    assert isinstance(dense, MaskedCandidate)
    num_params = sum(p.numel() for p in dense.model.parameters())
    macs = {layer.name: 10 * layer.shape[0] for layer in dense.layers.found} | {"other": 7}
    size = MaskedSize(dense.layers.found, num_params, macs, 4 * num_params)
    last = size.cost({})
    assert (last.params, last.macs) == (num_params, sum(macs.values()))
    for share in (0.75, 0.5, 0.25):
        widths = widths_at(dense, share)
        prune = dense.prune(dense.score(Magnitude(), []), widths, proof=None)
        cost = size.cost(widths)
        zeros = sum(int((p == 0).sum()) for p in prune.model.parameters())
        assert cost.params == num_params - zeros
        assert size.cost_of(prune.model) == cost
        assert cost.params <= last.params and cost.macs <= last.macs
        last = cost


def test_layers_that_a_pattern_does_not_fit_are_kept_and_named() -> None:
    layers = find_layers(make_case("resnet").model, NofM(4))
    assert [kept.name for kept in layers.kept] == ["conv1"]  # three inputs
    assert "NofM" in layers.kept[0].reason


def test_a_scorer_of_channels_is_reported() -> None:
    with pytest.raises(PruningError, match="scores channels, not single weights"):
        dense_of(Weights()).score(Fpgm(), [])
