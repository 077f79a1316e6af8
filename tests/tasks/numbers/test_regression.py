"""Regression: loss, errors and the trivial predictor by hand, wrong batches, and the kit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error
from torch import Tensor, nn

from paretoprune.errors import DataError, SettingsError
from paretoprune.results import DataInfo
from paretoprune.tasks.guess import Auto
from paretoprune.tasks.numbers.regression import Regression
from paretoprune.testing import check_task


def batches(sizes: tuple[int, ...], *targets: int) -> list[Any]:
    generator = torch.Generator().manual_seed(0)
    made = []
    for size in sizes:
        x = torch.randn(size, 4, generator=generator)
        noise = torch.randn(size, *targets, generator=generator)
        made.append((x, 200 + 50 * (noise + x.sum(1).reshape(-1, *[1] * len(targets)))))
    return made


def fitted(task: Regression, train: list[Any], validation: list[Any] | None = None) -> Regression:
    return task.fitted({"train": train, "validation": validation or train, "test": None})


class Column(nn.Module):
    """A linear network with outputs (N, 1) for targets (N,)."""

    def __init__(self, outputs: int = 1) -> None:
        super().__init__()
        self.layer = nn.Linear(4, outputs)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = 200 + 50 * self.layer(x)
        return out


@pytest.mark.parametrize("criterion", ["mse", "mae", "huber"])
@pytest.mark.parametrize("targets", [(), (3,)])
@pytest.mark.parametrize("sizes", [(8, 8), (8, 3), (5, 1)])
def test_the_kit(criterion: str, targets: tuple[int, ...], sizes: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    given = batches(sizes, *targets)
    for quality in (None, "mae"):
        task = fitted(Regression(criterion=criterion, quality=quality), given)
        check_task(task, Column(*targets), given)


@pytest.mark.parametrize("quality", ["rmse", "mae", "r2"])
def test_scores_of_samples_combine_to_errors_and_not_to_r2(quality: str) -> None:
    parts = batches((8, 3))
    task = fitted(Regression(quality=quality), parts)
    scores = task.trivial_scores(parts, parts)
    if quality == "r2":
        assert scores is None
        return
    targets = torch.cat([wanted for _, wanted in parts]).double()
    centre = targets.mean() if quality == "rmse" else targets.quantile(0.5)
    expected = {"rmse": targets.std(correction=0), "mae": (targets - centre).abs().mean()}
    assert scores is not None and len(scores) == 11
    assert float(task.from_scores(scores)) == pytest.approx(float(expected[quality]), rel=1e-5)


def test_loss_and_errors_are_those_of_scikit_learn() -> None:
    """Errors in the unit of the targets, the loss in standard deviations of each target."""
    torch.manual_seed(0)
    given, model = batches((9, 7), 2), Column(2)
    task = fitted(Regression(), given)
    x, y = (torch.cat(parts).numpy() for parts in zip(*given, strict=True))
    p = model(torch.from_numpy(x)).detach().numpy()
    meter = task.meter(torch.device("cpu"))
    for batch in given:
        meter.update(task.outputs(model, batch).detach(), batch)
    found = meter.compute()
    assert found["mae"] == pytest.approx(mean_absolute_error(y, p))
    assert found["rmse"] == pytest.approx(np.sqrt(np.square(y - p).mean()))
    assert found["rmse"] != pytest.approx(root_mean_squared_error(y, p)), "over all numbers"
    assert found["r2"] == pytest.approx(r2_score(y, p))
    assert found["loss"] == pytest.approx(np.square((y - p) / y.std(0)).mean(), rel=1e-4)
    distance = task.distance(torch.from_numpy(p), torch.from_numpy(y), None)
    assert distance.item() == pytest.approx(found["loss"], rel=1e-5)


def test_r2_of_numbers_far_from_zero_is_exact() -> None:
    y = 1e6 + torch.arange(20.0).double()
    given = [(torch.zeros(20, 4), y)]
    meter = fitted(Regression(), given).meter(torch.device("cpu"))
    meter.update(y + 0.5, given[0])
    assert meter.compute()["r2"] == pytest.approx(r2_score(y, y + 0.5))


def test_the_trivial_predictor_is_the_training_mean_and_for_mae_the_median() -> None:
    train = [(torch.zeros(3, 1), torch.tensor([0.0, 0.0, 9.0]))]
    validation = [(torch.zeros(2, 1), torch.tensor([1.0, 5.0]))]
    found = fitted(Regression(), train).trivial(train, validation)
    assert found is not None
    assert found["rmse"] == pytest.approx(np.sqrt(((1 - 3) ** 2 + (5 - 3) ** 2) / 2))
    assert found["mae"] == pytest.approx((1 + 5) / 2)
    assert found["r2"] == pytest.approx(r2_score([1, 5], [3, 3]))
    assert found["loss"] == pytest.approx(4 / np.var([0, 0, 9]))


@pytest.mark.parametrize(
    ("factor", "offset", "is_warned"),
    [(1.0, 0.0, False), (1.0, 10.0, True), (30.0, 0.0, True), (0.01, 0.0, True)],
)
def test_targets_far_from_0_to_1_are_named(
    factor: float, offset: float, is_warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    y = factor * torch.tensor([-1.0, 1.0, -1.0, 1.0]) + offset
    fitted(Regression(), [(torch.zeros(4, 4), y)])
    assert ("(targets - mean) / standard deviation" in caplog.text) == is_warned


def test_the_scale_may_be_given() -> None:
    given = batches((4, 4))
    task = fitted(Regression(scale=(2.0,)), given)
    assert task.scale == (2.0,)
    ones = torch.ones(4)
    assert task.mean_loss(3 * ones, ones).item() == 1.0


def test_a_model_is_offered_the_number_of_targets_and_must_answer_in_their_shape() -> None:
    info = DataInfo(0, (3, 8, 8), 1, 1, 0, "")
    task = fitted(Regression(), batches((4, 4), 3))
    assert task.fits(info) == {"num_outputs": 3, "num_classes": 3, "in_channels": 3}
    assert task.check_outputs(torch.zeros(4, 3), 4, info) is None
    assert task.check_outputs(torch.zeros(4, 2), 4, info) == (
        "have the shape (4, 3), that of the targets"
    )
    one = fitted(Regression(), batches((4, 4)))
    assert one.check_outputs(torch.zeros(4, 1), 4, info) is None
    assert one.fits(info)["num_outputs"] == 1


@pytest.mark.parametrize("targets", [(), (3,)])
def test_auto_recognises_floating_point_targets(targets: tuple[int, ...]) -> None:
    task, reason = Auto().choose(batches((4,), *targets)[0], None)
    assert task == Regression()
    assert reason == f"targets are float32 of {(4, *targets)}"


X = torch.zeros(2, 4)


@pytest.mark.parametrize(
    ("train", "sentence"),
    [
        ([], r"train_dataloader\(\) yields no batches"),
        ([(X,)], "batches must be .inputs, targets., got"),
        ([(X, torch.tensor([1, 2]))], r"got torch.int64 of shape \(2,\); convert .* by `.float"),
        ([(X, torch.tensor([1.0]))], r"of shape \(2, ...\), got torch.float32 of shape \(1,\)"),
        ([(X, torch.tensor([1.0, torch.nan]))], "targets hold NaN or infinite values"),
        ([(X / 0, torch.tensor([1.0, 2.0]))], "inputs hold NaN or infinite values"),
        ([(X, torch.tensor([2.0, 2.0]))], "all training targets are equal"),
        ([(X, torch.rand(2)), (X, torch.rand(2, 2))], r"samples of \(\) and \(2,\)"),
    ],
)
def test_wrong_batches_are_refused_in_a_sentence(train: list[Any], sentence: str) -> None:
    good = [(X, torch.tensor([1.0, 2.0]))]
    with pytest.raises(DataError, match=sentence):
        Regression().fitted({"train": train, "validation": good, "test": None})


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"criterion": "l2"}, "`task.criterion` must be one of mse, mae, huber, got l2"),
        ({"quality": "accuracy"}, "`task.quality` must be one of rmse, mae, r2, loss"),
        ({"scale": (0.0,)}, "`task.scale` must be above 0"),
    ],
)
def test_wrong_options_are_refused_in_a_sentence(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        Regression(**options)
