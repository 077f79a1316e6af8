"""Intervals of the gain over the trivial predictor, for qualities of either direction."""

from __future__ import annotations

import pytest
import torch

from paretoprune.measure.confidence_interval import paired_interval
from paretoprune.pick.test_metrics import gain_interval
from paretoprune.tasks.classification import Classification
from paretoprune.tasks.numbers.regression import Regression

GENERATOR = torch.Generator().manual_seed(0)
ERRORS = torch.randn(400, generator=GENERATOR).double()


def test_a_smaller_root_mean_square_is_a_gain() -> None:
    """Of errors that are half as large, so that the gain is half the trivial error."""
    low, high = gain_interval(Regression(), (ERRORS / 2).square(), ERRORS.square())
    gain = float(ERRORS.square().mean().sqrt()) / 2
    assert 0 < low < gain < high and high - low < 0.1
    low, high = gain_interval(Regression(), (2 * ERRORS).square(), ERRORS.square())
    assert high < 0


def test_one_quality_for_all_samples_is_taken_from_what_the_scores_combine_to() -> None:
    low, high = gain_interval(Regression(), ERRORS.square(), 3.0)
    root = float(ERRORS.square().mean().sqrt())
    assert low < 3.0 - root < high and low > 1.5


def test_a_mean_of_samples_has_the_paired_interval() -> None:
    right, wrong = 100.0 * (ERRORS > -1).float(), 100.0 * (ERRORS > 0).float()
    found = gain_interval(Classification(), right, wrong)
    assert found == pytest.approx(paired_interval(right - wrong))
