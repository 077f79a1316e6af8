"""Patterns against brute force: what stays is the best there is, and nested."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from paretoprune.pruning.unstructured.patterns import NofM, Pattern, WeightBlocks, Weights

PATTERNS = [Weights(), NofM(4), NofM(2), WeightBlocks(2, 4), WeightBlocks(4, 1)]
SHAPES = [(4, 8), (8, 4, 3, 3)]


def scores_of(shape: tuple[int, ...], seed: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_kit(pattern: Pattern, shape: tuple[int, ...]) -> None:
    """Exactly what is asked for stays, fewer units among more, and deterministically."""
    scores, units = scores_of(shape, 1), pattern.units(shape)
    assert units is not None and len(pattern.unit_scores(scores)) == units
    per_unit = scores.numel() // units
    last = torch.zeros(shape, dtype=torch.bool)
    for keep in range(0, units + 1, max(1, units // 8)):
        mask = pattern.mask(scores, keep)
        assert mask.shape == scores.shape and int(mask.sum()) == keep * per_unit
        assert (last <= mask).all()
        assert torch.equal(mask, pattern.mask(scores, keep))
        last = mask


@given(st.integers(0, 8), st.integers(0, 99))
def test_single_weights_are_those_of_a_sort(keep: int, seed: int) -> None:
    scores = scores_of((2, 4), seed)
    best = sorted(range(8), key=lambda i: (-float(scores.flatten()[i]), i))[:keep]
    assert Weights().mask(scores, keep).flatten().nonzero().flatten().tolist() == sorted(best)


@pytest.mark.parametrize("keep", [1, 2, 3])
def test_two_of_four_is_the_best_pair_of_every_four_inputs(keep: int) -> None:
    scores = scores_of((3, 8, 2, 2), 4)
    mask = NofM(4).mask(scores, keep)
    for out, first, a, b in itertools.product(range(3), (0, 4), range(2), range(2)):
        row, chosen = scores[out, first : first + 4, a, b], mask[out, first : first + 4, a, b]
        best = max(itertools.combinations(range(4), keep), key=lambda c: float(row[[*c]].sum()))
        assert chosen.nonzero().flatten().tolist() == [*best]


def test_blocks_go_by_the_sum_of_their_scores() -> None:
    scores = torch.tensor([[9.0, 0, 2, 2], [0, 0, 2, 2]])
    mask = WeightBlocks(2, 2).mask(scores, 1)
    assert mask.tolist() == [[True, True, False, False]] * 2
    assert WeightBlocks(2, 2).unit_scores(scores).tolist() == [9, 8]


def test_a_pattern_that_does_not_fit_says_so() -> None:
    assert NofM(4).units((8, 3, 3, 3)) is None
    assert WeightBlocks(4, 1).units((10, 16)) is None


def test_unit_scores_of_n_of_m_are_means_by_rank() -> None:
    scores = torch.tensor([[4.0, 1.0], [2.0, 8.0]])
    assert NofM(2).unit_scores(scores).tolist() == [1.5, 6.0]
