"""The optimizer and the schedulers that a LightningModule configures are those of its training."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import ExponentialLR, ReduceLROnPlateau

from paretoprune.config.groups.finetune import FinetuneSettings
from paretoprune.finetune.fit import fit
from paretoprune.finetune.training_run import TrainingRun
from paretoprune.tasks.own.lightning import Lightning
from paretoprune.tasks.own.logged import Logged
from paretoprune.tasks.own.training import OwnTraining, configured
from tests.kits.lit import Lit, lit_loaders

TRAIN, VALIDATION, _ = lit_loaders()
CPU = torch.device("cpu")


def training(make: Callable[[Optimizer], Any]) -> OwnTraining:
    """The training of a module whose `configure_optimizers` returns `make(optimizer)`."""
    model = Lit()
    model.configure_optimizers = lambda: make(SGD(model.parameters(), 1.0))  # type: ignore[method-assign]
    found = configured(model, num_steps=6, num_epochs=2, monitor="val_f1")
    assert found is not None
    return found


def rates(found: OwnTraining, **measured: float) -> list[float]:
    """The learning rate of each of six steps, three in an epoch."""
    seen = []
    for step in range(6):
        seen.append(found.optimizer.param_groups[0]["lr"])
        found.optimizer.step()
        found.step()
        if step % 3 == 2:
            found.end_epoch(measured)
    return seen


def halved(optimizer: Optimizer) -> ExponentialLR:
    return ExponentialLR(optimizer, 0.5)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda one: one, [1.0] * 6),
        (lambda one: [one], [1.0] * 6),
        (lambda one: ([one], [halved(one)]), [1.0] * 3 + [0.5] * 3),
        (lambda one: [{"optimizer": one, "lr_scheduler": halved(one)}], [1.0] * 3 + [0.5] * 3),
        (
            lambda one: {
                "optimizer": one,
                "lr_scheduler": {"scheduler": halved(one), "interval": "step", "frequency": 2},
            },
            [1.0, 1.0, 0.5, 0.5, 0.25, 0.25],
        ),
    ],
)
def test_schedules_of_every_form_step_as_in_lightning(make: Any, expected: list[float]) -> None:
    assert rates(training(make)) == expected


def test_a_plateau_follows_the_value_that_it_monitors() -> None:
    def make(optimizer: Optimizer) -> Any:
        plateau = ReduceLROnPlateau(optimizer, patience=0, factor=0.5)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": plateau, "monitor": "val_loss"},
        }

    found = training(make)
    assert found.monitors == ["val_loss"]
    for loss in (1.0, 0.5, 0.7, 0.6):
        found.end_epoch({"val_loss": loss, "val_f1": 0.0})
    assert found.optimizer.param_groups[0]["lr"] == 0.25


def test_no_optimizer_is_none() -> None:
    model = Lit()
    model.configure_optimizers = lambda: None  # type: ignore[method-assign]
    assert configured(model, num_steps=1, num_epochs=1, monitor=None) is None


def test_a_fit_is_the_training_of_a_plain_loop() -> None:
    """The module's AdamW and its cosine schedule over all steps, not ours."""
    torch.manual_seed(0)
    model = Lit()
    plain = copy.deepcopy(model)
    loaders = {"train": TRAIN, "validation": VALIDATION, "test": None}
    task = Lightning(monitor="val_f1").for_model(lambda: model, loaders)
    result = fit(
        model,
        task,
        TrainingRun(
            train_loader=TRAIN,
            val_loader=VALIDATION,
            settings=FinetuneSettings(precision="32"),
            epochs=2,
            seed=0,
            device=CPU,
        ),
    )
    optimizer = AdamW(plain.parameters(), plain.rate)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 2 * len(TRAIN))
    for _ in range(2):
        for x, y in TRAIN:
            optimizer.zero_grad()
            bce(plain(x), y).backward()
            optimizer.step()
            scheduler.step()
    assert result.best_epoch == 2
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(model.state_dict()[name], value)
    assert "log" not in vars(model), "self.log is as before"


def test_logged_numbers_are_reduced_as_the_call_says() -> None:
    logged = Logged()
    for count, value in ((3, 1.0), (1, 5.0)):
        logged.count = count
        logged.log("mean", torch.tensor(value, requires_grad=True), prog_bar=True)
        logged.log("sum", value, reduce_fx="sum")
        logged.log("max", value, False, reduce_fx=torch.max)
        logged.log("equal", value, batch_size=1)
    assert logged.compute() == {"mean": 2.0, "sum": 6.0, "max": 5.0, "equal": 3.0}
