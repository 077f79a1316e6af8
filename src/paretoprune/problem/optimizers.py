"""The optimizer of `optimizer=auto`, by the task and the kind of network."""

from __future__ import annotations

import logging
from dataclasses import replace

from torch import nn

from paretoprune.config.groups.finetune import FinetuneSettings
from paretoprune.config.settings import Settings
from paretoprune.tasks.interface import Task

_log = logging.getLogger(__name__)

# Layers of networks that SGD with momentum trains slowly or not at all: recurrent ones,
# transformers, and others with normalisation of each sample (Zhang et al. 2020, "Why are adaptive
# methods good for attention models?"; Liu et al. 2022, ConvNeXt).
_ADAPTIVE = (nn.RNNBase, nn.RNNCellBase, nn.MultiheadAttention, nn.LayerNorm, nn.RMSNorm)
_MOST = 0.02  # a rate above it is one of SGD, the default for networks from scratch
_SGD_TO_ADAMW = 1 / 30


def with_optimizers(settings: Settings, task: Task, model: nn.Module) -> Settings:
    """Return the settings with AdamW where `auto` leaves the choice and the network needs it.

    With `auto`, a learning rate of the dense model's training that is too large is lowered: for
    AdamW, a rate above 0.02, which is one of SGD, is divided by 30; for SGD it is at most the
    task's largest rate. Where the task brings its own optimizer, nothing is changed.
    """
    if task.training(model, num_steps=1, num_epochs=1) is not None:
        return settings
    adaptive = task.optimizer != "adamw" and needs_adamw(model)
    training = settings.model.train
    if training.optimizer == "auto":
        is_adamw = adaptive or task.optimizer == "adamw"
        training = _slower(training, task, is_adamw=is_adamw)
    return replace(
        settings,
        finetune=_chosen(settings.finetune, adaptive=adaptive),
        model=replace(settings.model, train=_chosen(training, adaptive=adaptive)),
    )


def needs_adamw(model: nn.Module) -> bool:
    """Return True for recurrent networks, transformers and others with LayerNorm or RMSNorm."""
    return any(
        isinstance(module, _ADAPTIVE) or type(module).__name__.endswith("RMSNorm")
        for module in model.modules()
    )


def _chosen(training: FinetuneSettings, *, adaptive: bool) -> FinetuneSettings:
    chooses = adaptive and training.optimizer == "auto"
    return replace(training, optimizer="adamw") if chooses else training


def _slower(training: FinetuneSettings, task: Task, *, is_adamw: bool) -> FinetuneSettings:
    """Return the training with a learning rate that is stable for its optimizer and the task."""
    given = training.learning_rate
    if is_adamw:
        rate = float(f"{given * _SGD_TO_ADAMW:.2g}") if given > _MOST else given
    else:
        rate = min(given, task.largest_rate)
    if rate == given:
        return training
    if training.epochs:
        _log.info(
            "the dense model is trained by %s at the learning rate %g; `model.train.learning_rate`"
            " %g is too large for it here (name `model.train.optimizer` to use it all the same)",
            "AdamW" if is_adamw else "SGD",
            rate,
            given,
        )
    return replace(training, learning_rate=rate)
