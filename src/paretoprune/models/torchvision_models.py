"""Networks of torchvision by name, untrained: classifiers, and networks for segmentation."""

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
    """Return the torchvision network `name`.

    A classifier gives logits (N, num_classes) for images (N, in_channels, H, W), a network for
    segmentation a dict with logits `out`, (N, num_classes, H, W). With `in_channels` other than 3
    its first convolution is replaced.

    Raises:
        SettingsError: torchvision has no such network.
    """
    classifiers = torchvision.models.list_models(module=torchvision.models)
    others = torchvision.models.list_models(module=torchvision.models.segmentation)
    if name not in (*classifiers, *others):
        raise SettingsError([_unknown(name, [*classifiers, *others])])
    # Without None, the backbone's weights would be downloaded.
    arguments = {"weights_backbone": None} if name in others else _ONE_OUTPUT.get(name, {})
    model: nn.Module = torchvision.models.get_model(
        name, weights=None, num_classes=num_classes, **arguments
    )
    if in_channels != 3:
        replace_first_conv(model, in_channels=in_channels)
    return model


def _unknown(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=5, cutoff=0.4)
    advice = f"close are: {', '.join(close)}" if close else f"there are: {', '.join(known)}"
    return (
        "`model.name` must name a classifier or a segmentation network of torchvision.models, got "
        f"{name!r}; {advice}"
    )
