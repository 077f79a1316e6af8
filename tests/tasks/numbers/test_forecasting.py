"""Forecasting: errors and naive forecasts by hand, wrong batches, and the kit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from paretoprune.errors import DataError, SettingsError
from paretoprune.results import DataInfo
from paretoprune.tasks.guess import Auto
from paretoprune.tasks.numbers.forecasting import Forecasting
from paretoprune.testing import check_task

PAST, HORIZON, SERIES, COLUMNS = 6, 4, 2, 3


def batch(size: int, seed: int = 0) -> Any:
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(size, PAST + HORIZON, COLUMNS, generator=generator).cumsum(1)
    return values[:, :PAST], values[:, PAST:, :SERIES]


def flat(size: int, seed: int = 0) -> Any:
    """One series without an axis for it."""
    past, future = batch(size, seed)
    return past[:, :, 0], future[:, :, 0]


def fitted(batches: list[Any], **options: Any) -> Forecasting:
    loaders = {"train": batches, "validation": batches, "test": None}
    return Forecasting(**options).fitted(loaders)


@pytest.mark.parametrize("quality", [None, "mae"])
@pytest.mark.parametrize("make", [batch, flat])
@pytest.mark.parametrize("sizes", [(8, 8), (8, 3), (5, 1)])
def test_the_kit(make: Any, quality: str | None, sizes: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    batches = [make(size, seed) for seed, size in enumerate(sizes)]
    task = fitted(batches, season=3, quality=quality)
    past, future = batches[0]
    shape = future.shape[1:]
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(past[0].numel(), future[0].numel()), nn.Unflatten(1, shape)
    )
    check_task(task, model, batches)


def test_mase_is_that_of_hyndman_and_koehler() -> None:
    """The error over the mean seasonal difference of the training windows, for each series."""
    train, validation = [batch(5, 1), batch(3, 2)], batch(4, 3)
    task = fitted(train, season=3)
    scale = []
    for number in range(SERIES):
        steps = []
        for past, future in train:
            for window in torch.cat([past[:, :, number], future[:, :, number]], 1).tolist():
                steps += [abs(b - a) for a, b in zip(window, window[3:], strict=False)]
        scale.append(np.mean(steps))
    answer = validation[1] + torch.tensor([1.0, 2.0])
    meter = task.meter(torch.device("cpu"))
    meter.update(answer, validation)
    found = meter.compute()
    assert found["mase"] == pytest.approx(np.mean([1 / scale[0], 2 / scale[1]]), rel=1e-4)
    assert found["mae"] == pytest.approx(1.5) and found["rmse"] == pytest.approx(np.sqrt(2.5))


@pytest.mark.parametrize(("make", "season"), [(batch, 1), (batch, 3), (flat, 3)])
def test_the_trivial_predictor_is_the_better_of_two_naive_forecasts(make: Any, season: int) -> None:
    train, validation = [make(5, 1)], [make(4, 2)]
    found = fitted(train, season=season).trivial(train, validation)
    past, future = (
        one.reshape(4, -1, one.shape[2] if one.ndim > 2 else 1) for one in validation[0]
    )
    errors = []
    for naive in (1, season):
        each = [
            (past[:, PAST - naive + step % naive, : future.shape[2]] - future[:, step]).abs()
            for step in range(HORIZON)
        ]
        errors.append(torch.stack(each).mean().item())
    assert found is not None and found["mae"] == pytest.approx(min(errors))


def test_a_season_is_forecast_without_error() -> None:
    wave = torch.sin(2 * torch.pi * torch.arange(40.0) / 5).unfold(0, PAST + HORIZON, 1)
    batches = [(wave[:, :PAST, None], wave[:, PAST:, None])]
    found = fitted(batches, season=5).trivial(batches, batches)
    assert found is not None and found["mae"] < 1e-6
    alone = fitted(batches).trivial(batches, batches)
    assert alone is not None and alone["mae"] > 0.5


def test_a_model_is_offered_what_it_needs() -> None:
    task = fitted([batch(4)])
    assert task.fits(DataInfo(0, (PAST, COLUMNS), 1, 1, 0, "")) == {
        "past": PAST,
        "horizon": HORIZON,
        "num_series": SERIES,
        "num_columns": COLUMNS,
    }


def test_auto_recognises_past_and_future() -> None:
    task, reason = Auto().choose(batch(4), None)
    assert task == Forecasting()
    assert reason == "past and future are (4, 6, 3) and (4, 4, 2)"


@pytest.mark.parametrize(
    ("wrong", "options", "sentence"),
    [
        (batch(4), {"season": 7}, "`task.season=7` is longer than the past of 6 steps"),
        (batch(4)[::-1], {}, "the past must begin with the 3 series of the future, got 2"),
        ((torch.rand(4, 6), torch.rand(4)), {}, r"of shapes .*, got \(4, 6\) and \(4,\)"),
        ([[*batch(4)], torch.rand(4, 4, 2)], {}, "and 1 more inputs"),
        ((batch(4)[0], torch.full((4, 2, 1), torch.inf)), {}, "targets hold NaN or infinite"),
    ],
)
def test_wrong_batches_are_refused_in_a_sentence(
    wrong: Any, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(DataError, match=sentence):
        fitted([wrong], **options)


def test_a_season_of_no_steps_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"`task\.season` must be 1 or more steps, got 0"):
        Forecasting(season=0)
