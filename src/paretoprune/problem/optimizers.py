"""The optimizer of `optimizer=auto`, as it suits the task and the network."""

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

    A learning rate of the dense model's training that is one of SGD, above 0.02, is divided by 30
    for an AdamW that `auto` chose. Where the task brings its own optimizer, nothing is changed.
    """
    if task.training(model, num_steps=1, num_epochs=1) is not None:
        return settings
    adaptive = task.optimizer != "adamw" and needs_adamw(model)
    training = _chosen(settings.model.train, adaptive=adaptive)
    if training.optimizer == "adamw" or (training.optimizer, task.optimizer) == ("auto", "adamw"):
        training = _slower(settings.model.train, training)
    return replace(
        settings,
        finetune=_chosen(settings.finetune, adaptive=adaptive),
        model=replace(settings.model, train=training),
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


def _slower(given: FinetuneSettings, training: FinetuneSettings) -> FinetuneSettings:
    """Return the training of AdamW at a rate for it, unless the user named the optimizer."""
    if given.optimizer != "auto" or given.learning_rate <= _MOST:
        return training
    rate = float(f"{given.learning_rate * _SGD_TO_ADAMW:.2g}")
    if given.epochs:
        _log.info(
            "`model.train.optimizer=auto` is AdamW here, at the learning rate %g rather than %g, "
            "which is one of SGD",
            rate,
            given.learning_rate,
        )
    return replace(training, learning_rate=rate)
