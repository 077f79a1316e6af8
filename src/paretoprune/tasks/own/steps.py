"""The steps of a LightningModule, called without a Trainer."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from lightning import LightningModule
from torch import Tensor, nn

from paretoprune.errors import SettingsError
from paretoprune.tasks.interface import Batch, Outputs

TRAINING, VALIDATION = "training_step", "validation_step"
# Hooks of the validation that are called; all others are not.
START, END = "on_validation_epoch_start", "on_validation_epoch_end"
# Methods that Lightning's Trainer calls in a training, which paretoprune's own loop does not.
_UNCALLED = (
    "on_fit_start",
    "on_train_start",
    "on_train_epoch_start",
    "on_train_batch_start",
    "on_train_batch_end",
    "on_train_epoch_end",
    "on_train_end",
    "on_before_backward",
    "on_after_backward",
    "on_before_optimizer_step",
    "on_before_zero_grad",
    "on_validation_start",
    "on_validation_batch_start",
    "on_validation_batch_end",
    "on_before_batch_transfer",
    "transfer_batch_to_device",
    "on_after_batch_transfer",
    "backward",
    "optimizer_step",
    "optimizer_zero_grad",
    "lr_scheduler_step",
    "configure_gradient_clipping",
)


def defines(kind: type, name: str) -> bool:
    """Return True if a LightningModule class has a method of its own under this name."""
    own = getattr(kind, name, None)
    return own is not None and own is not getattr(LightningModule, name, None)


def uncalled_hooks(kind: type) -> list[str]:
    """Return the hooks of a class that are not called in training or validation."""
    return [name for name in _UNCALLED if defines(kind, name)]


def run_step(model: nn.Module, name: str, batch: Batch, index: int) -> Any:
    """Call `training_step` or `validation_step`, with as many arguments as it takes."""
    step = getattr(model, name)
    parameters = inspect.signature(step).parameters.values()
    free = any(one.kind is one.VAR_POSITIONAL for one in parameters)
    arguments = (batch, index)
    return step(*arguments if free else arguments[: len(parameters)])


def loss_in(returned: Any, owner: str) -> Tensor:
    """Return the loss from the result of a training step: a scalar tensor, or a dict with `loss`.

    Raises:
        SettingsError: there is none.
    """
    loss = returned.get("loss") if isinstance(returned, Mapping) else returned
    if isinstance(loss, Tensor) and loss.numel() == 1:
        return loss.reshape(())
    found = f"a tensor of shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else repr(loss)
    raise SettingsError(
        [
            f"`{TRAINING}` of {owner} must return the loss, a tensor with one value, or a dict "
            f"with it as `loss`, got {found[:80]}"
        ]
    )


class Calls:
    """Inside, keeps the outputs of the calls of a model, in order."""

    def __init__(self, model: nn.Module) -> None:
        self.outputs: list[Outputs] = []
        self._model = model

    def __enter__(self) -> Calls:
        self._handle = self._model.register_forward_hook(self._keep)
        return self

    def __exit__(self, *_: object) -> None:
        self._handle.remove()

    def _keep(self, _model: nn.Module, _args: Any, outputs: Outputs) -> None:
        self.outputs.append(outputs)
