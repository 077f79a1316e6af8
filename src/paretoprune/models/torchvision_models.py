"""Image classifiers of torchvision by name, untrained, for any number of input channels."""

from __future__ import annotations

import difflib
from typing import Any

import torchvision.models
from torch import nn

from paretoprune.errors import SettingsError
from paretoprune.models.first_conv import replace_first_conv

# Without their auxiliary outputs in training mode, which the training does not support.
_ONE_OUTPUT: dict[str, dict[str, Any]] = {
    "googlenet": {"aux_logits": False, "init_weights": True},
    "inception_v3": {"aux_logits": False, "init_weights": True},
}


def torchvision_model(name: str, num_classes: int = 1000, in_channels: int = 3) -> nn.Module:
    """Return the torchvision classifier `name`: (N, in_channels, H, W) -> (N, num_classes) logits.

    With `in_channels` other than 3 its first convolution is replaced.

    Raises:
        SettingsError: torchvision has no such classifier.
    """
    known = torchvision.models.list_models(module=torchvision.models)
    if name not in known:
        raise SettingsError([_unknown(name, known)])
    arguments = _ONE_OUTPUT.get(name, {})
    model: nn.Module = torchvision.models.get_model(
        name, weights=None, num_classes=num_classes, **arguments
    )
    if in_channels != 3:
        replace_first_conv(model, in_channels=in_channels)
    return model


def _unknown(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=5, cutoff=0.4)
    advice = f"close are: {', '.join(close)}" if close else f"there are: {', '.join(known)}"
    return f"`model.name` must name a classifier of torchvision.models, got {name!r}; {advice}"
