"""Intervals of the gain over the trivial predictor, for qualities of either direction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from lightning import LightningDataModule
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics.classification import MulticlassCohenKappa

from paretoprune.measure.confidence_interval import paired_interval
from paretoprune.metrics import Quantity
from paretoprune.pick.test_metrics import gain_interval, measure_test
from paretoprune.problem.task_data import TaskData
from paretoprune.results import DataInfo
from paretoprune.tasks.classification import Classification
from paretoprune.tasks.inputs import Inputs
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


class WithKappa(Classification):
    """Measures a quality more than `task=classification`, and not as the first."""

    @property
    def qualities(self) -> tuple[Quantity, ...]:
        kappa = Quantity("kappa", "Cohen's kappa", "maximize", "quality", worst=-1.0, best=1.0)
        return (*super().qualities, kappa)

    def metrics(self, outputs: Tensor) -> Mapping[str, Any]:
        return {"kappa": MulticlassCohenKappa(outputs.shape[1]), **super().metrics(outputs)}


class Labels(LightningDataModule):
    """Scores as inputs, so that the identity is the model; 9 of 10 are right."""

    def test_dataloader(self) -> DataLoader[tuple[Tensor, ...]]:
        labels = torch.arange(40) % 2
        wrong = torch.arange(40) % 10 == 0
        scores = nn.functional.one_hot(labels ^ wrong.long(), 2).float()
        return DataLoader(TensorDataset(scores, labels), batch_size=16)


def test_every_quality_of_the_task_is_measured_on_the_test_part() -> None:
    """Kappa by hand: 36 of 40 agree, 20 are expected to by chance."""
    info = DataInfo(2, (2,), 0, 0, 40, "")
    example = Inputs((torch.zeros(8, 2),))
    data = TaskData(Labels(), WithKappa(), info, example, torch.device("cpu"))
    found = measure_test(data, nn.Identity())
    assert found.quality["kappa"] == pytest.approx((36 - 20) / (40 - 20))
    assert found.quality["accuracy"] == pytest.approx(90.0)
    assert found.scores is not None and found.scores.mean() == 90.0
