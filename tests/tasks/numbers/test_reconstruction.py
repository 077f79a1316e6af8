"""Reconstruction: forms of batches, the loss and the trivial predictor by hand, and the kit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from paretoprune.models.samples.autoencoder import autoencoder
from paretoprune.results import DataInfo
from paretoprune.tasks.guess import Auto
from paretoprune.tasks.numbers.reconstruction import Reconstruction
from paretoprune.testing import check_task

SHAPE = (1, 5, 7)


def alone(size: int) -> Any:
    return (torch.rand(size, *SHAPE),)


def twice(size: int) -> Any:
    x = torch.rand(size, *SHAPE)
    return [x, x]


def noisy(size: int) -> Any:
    x = torch.rand(size, *SHAPE)
    return x + torch.randn_like(x) / 10, x


def fitted(batches: list[Any]) -> Reconstruction:
    return Reconstruction().fitted({"train": batches, "validation": batches, "test": None})


@pytest.mark.parametrize("make", [alone, twice, noisy])
@pytest.mark.parametrize("sizes", [(8, 8), (8, 3), (5, 1)])
def test_the_kit(make: Any, sizes: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    batches = [make(size) for size in sizes]
    task = fitted(batches)
    model = autoencoder(SHAPE, width=4, code=3)
    assert (
        task.check_outputs(model(batches[0][0]), sizes[0], DataInfo(0, SHAPE, 1, 1, 0, "")) is None
    )
    check_task(task, model, batches)


def test_loss_and_error_are_those_of_a_plain_loop() -> None:
    torch.manual_seed(0)
    batches = [noisy(4), noisy(3)]
    task, model = fitted(batches), autoencoder(SHAPE, width=4, code=3).eval()
    x, wanted = (torch.cat(parts) for parts in zip(*batches, strict=True))
    squares = np.square((model(x) - wanted).detach().double().numpy())
    meter = task.meter(torch.device("cpu"))
    for batch in batches:
        meter.update(task.outputs(model, batch).detach(), batch)
    found = meter.compute()
    assert found["mse"] == pytest.approx(squares.mean(), rel=1e-5)
    assert found["loss"] == pytest.approx(squares.mean() / wanted.numpy().var(), rel=1e-4)


def test_the_trivial_predictor_is_the_mean_image() -> None:
    train, validation = [alone(4), alone(2)], [alone(3)]
    mean = torch.cat([train[0][0], train[1][0]]).mean(0)
    found = fitted(train).trivial(train, validation)
    assert found is not None
    assert found["mse"] == pytest.approx((validation[0][0] - mean).square().mean().item(), rel=1e-5)


@pytest.mark.parametrize(("make", "is_one"), [(alone, True), (twice, True), (noisy, False)])
def test_auto_recognises_inputs_that_are_their_own_targets(make: Any, is_one: bool) -> None:
    batch = make(4)
    assert (Reconstruction().recognises(batch) is not None) == is_one
    if is_one:
        task, reason = Auto().choose(batch, None)
        assert task == Reconstruction() and reason == "targets are the inputs"
