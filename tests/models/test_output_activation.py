"""Networks whose outputs are probabilities, or of another kind in one of the modes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

from paretoprune.errors import SettingsError
from paretoprune.models.output_activation import check_activation
from paretoprune.tasks.bound import TaskBatch
from paretoprune.tasks.classification import Classification
from paretoprune.tasks.interface import Task
from paretoprune.tasks.multi_label import MultiLabel
from paretoprune.tasks.numbers.regression import Regression
from paretoprune.tasks.segmentation import Segmentation

Function = Callable[[Tensor], Tensor]


def logits(x: Tensor) -> Tensor:
    return x


def softmax(x: Tensor) -> Tensor:
    return x.softmax(1)


def written_out(x: Tensor) -> Tensor:
    return x.exp() / x.exp().sum(1, keepdim=True)


def log_softmax(x: Tensor) -> Tensor:
    return x.log_softmax(1)


def sigmoid(x: Tensor) -> Tensor:
    return x.sigmoid().view(len(x), -1)


class Net(nn.Module):
    """A classifier with dropout and batch statistics, whose outputs depend on the mode."""

    def __init__(self, evaluation: Function, training: Function, pixels: bool = False) -> None:
        super().__init__()
        self.evaluation, self.training_ = evaluation, training
        self.pixels = pixels
        torch.manual_seed(0)
        self.conv = nn.Conv2d(1, 3, 3, padding=1)
        self.norm = nn.BatchNorm2d(3)
        self.drop = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        y = self.drop(self.norm(self.conv(x)))
        y = y if self.pixels else y.mean((2, 3))
        return self.training_(y) if self.training else self.evaluation(y)


class Attentive(Net):
    """Draws at random by a function, which no flag of a layer stops."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(dropout(x, 0.5, self.training))


def samples(task: Task, labels: Tensor | None = None) -> TaskBatch:
    x = torch.randn(8, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    return TaskBatch(task, (x, torch.arange(8) % 3 if labels is None else labels))


@pytest.mark.parametrize("net", [Net, Attentive])
@pytest.mark.parametrize("activation", [softmax, written_out])
@pytest.mark.parametrize("flipped", [False, True])
def test_probabilities_in_one_mode_are_refused(
    net: type[Net], activation: Function, flipped: bool
) -> None:
    own = (logits, activation) if flipped else (activation, logits)
    mode = "training" if flipped else "evaluation"
    sentence = f"softmax to its outputs in {mode} mode, and nothing in the other"
    with pytest.raises(SettingsError, match=sentence):
        check_activation(net(*own), samples(Classification()))


@pytest.mark.parametrize("activation", [softmax, written_out])
def test_probabilities_in_both_modes_are_refused_where_logits_are_expected(
    activation: Function,
) -> None:
    with pytest.raises(SettingsError, match="return logits, without softmax"):
        check_activation(Net(activation, activation), samples(Classification()))
    with pytest.raises(SettingsError, match="return logits, without softmax"):
        pixels = samples(Segmentation(), torch.zeros(8, 8, 8, dtype=torch.int64))
        check_activation(Net(activation, activation, pixels=True), pixels)
    with pytest.raises(SettingsError, match="return logits, without sigmoid"):
        check_activation(Net(sigmoid, sigmoid), samples(MultiLabel(), torch.ones(8, 3)))


def test_a_sigmoid_in_one_mode_is_refused_whatever_the_task() -> None:
    for task in (MultiLabel(), Regression()):
        with pytest.raises(SettingsError, match="sigmoid to its outputs in evaluation mode"):
            check_activation(Net(sigmoid, logits), samples(task, torch.ones(8, 3)))


@pytest.mark.parametrize("net", [Net, Attentive])
def test_logits_and_their_equals_pass(net: type[Net], caplog: pytest.LogCaptureFixture) -> None:
    for evaluation in (logits, log_softmax):
        for training in (logits, log_softmax):
            check_activation(net(evaluation, training), samples(Classification()))
    check_activation(net(sigmoid, sigmoid), samples(Regression(), torch.ones(8, 3)))
    assert not caplog.records


def test_outputs_of_another_scale_are_reported(caplog: pytest.LogCaptureFixture) -> None:
    def scaled(x: Tensor) -> Tensor:
        return 10 * x + 3

    check_activation(Net(scaled, logits), samples(Regression(), torch.ones(8, 3)))
    assert "in training mode differ from those in evaluation mode" in caplog.text
