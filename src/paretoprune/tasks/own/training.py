"""The optimizer and the learning-rate schedule that a LightningModule configures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from lightning import LightningModule
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from paretoprune.errors import SettingsError

_METHOD = "configure_optimizers"


@dataclass(frozen=True)
class _Scheduler:
    """A scheduler of torch, and when it takes a step, as in Lightning's `lr_scheduler` dicts."""

    scheduler: Any
    by_step: bool
    frequency: int
    monitor: str | None


class OwnTraining:
    """A user's optimizer with its schedulers, which step after each batch or each epoch."""

    def __init__(
        self, optimizer: Optimizer, schedulers: tuple[_Scheduler, ...], monitor: str | None
    ) -> None:
        self.optimizer = optimizer
        self._schedulers = schedulers
        self._monitor = monitor  # of a scheduler that names none
        self._steps = self._epochs = 0

    @property
    def monitors(self) -> list[str]:
        """The logged values that schedulers follow, those that are named."""
        return [one.monitor for one in self._schedulers if one.monitor]

    def step(self) -> None:
        """Take the schedulers' steps after a batch."""
        self._steps += 1
        for one in self._schedulers:
            if one.by_step and self._steps % one.frequency == 0:
                one.scheduler.step()

    def end_epoch(self, measured: Mapping[str, float]) -> None:
        """Take the schedulers' steps after an epoch with these measured values."""
        self._epochs += 1
        for one in self._schedulers:
            if one.by_step or self._epochs % one.frequency:
                continue
            if isinstance(one.scheduler, ReduceLROnPlateau):
                one.scheduler.step(measured[one.monitor or str(self._monitor)])
            else:
                one.scheduler.step()


def configured(
    model: LightningModule, *, num_steps: int, num_epochs: int, monitor: str | None
) -> OwnTraining | None:
    """Return the training that `configure_optimizers` gives; None if it gives none.

    The method may read `self.trainer.max_epochs`, `max_steps`, `num_training_batches` and
    `estimated_stepping_batches`. `monitor` is what ReduceLROnPlateau follows if it names nothing.

    Raises:
        SettingsError: it gives several optimizers, or something else.
    """
    owner = type(model).__name__
    with _planned(model, num_steps, num_epochs):
        found = model.configure_optimizers()
    optimizers, schedulers = _parsed(found)
    if not optimizers:
        return None
    if len(optimizers) > 1:
        raise SettingsError(
            [
                f"`{_METHOD}` of {owner} gives {len(optimizers)} optimizers; `task=lightning` "
                "trains with one: give one optimizer with several parameter groups, or write a "
                "task of your own (docs/how-to/your-own-task.md)"
            ]
        )
    if not isinstance(optimizers[0], Optimizer):
        raise SettingsError(
            [f"`{_METHOD}` of {owner} must give a torch optimizer, got {optimizers[0]!r}"]
        )
    return OwnTraining(optimizers[0], tuple(map(_scheduler, schedulers)), monitor)


@contextmanager
def _planned(model: LightningModule, num_steps: int, num_epochs: int) -> Iterator[None]:
    """Inside, `model.trainer` states the length of the training."""
    before = model._trainer
    vars(model)["_trainer"] = SimpleNamespace(
        max_epochs=num_epochs,
        max_steps=num_steps,
        estimated_stepping_batches=num_steps,
        num_training_batches=max(1, num_steps // max(1, num_epochs)),
        accumulate_grad_batches=1,
    )
    try:
        yield
    finally:
        vars(model)["_trainer"] = before


def _parsed(found: Any) -> tuple[list[Any], list[Any]]:
    """Return optimizers and schedulers of any form that Lightning takes."""
    if found is None:
        return [], []
    if isinstance(found, Mapping):
        scheduler = found.get("lr_scheduler")
        return [found.get("optimizer")], [] if scheduler is None else [scheduler]
    if not isinstance(found, list | tuple):
        return [found], []
    if len(found) == 2 and isinstance(found[0], list | tuple):
        rest = found[1] if isinstance(found[1], list | tuple) else [found[1]]
        return [*found[0]], [*rest]
    pairs = [_parsed(one) for one in found]
    return [one for pair in pairs for one in pair[0]], [one for pair in pairs for one in pair[1]]


def _scheduler(found: Any) -> _Scheduler:
    options = found if isinstance(found, Mapping) else {"scheduler": found}
    return _Scheduler(
        options["scheduler"],
        by_step=options.get("interval", "epoch") == "step",
        frequency=int(options.get("frequency", 1)),
        monitor=options.get("monitor"),
    )
