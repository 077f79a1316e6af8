"""Image classifiers of timm by name, untrained, for any number of input channels."""

from __future__ import annotations

import difflib

from torch import nn

from paretoprune.errors import SettingsError


def timm_model(
    name: str, num_classes: int = 1000, in_channels: int = 3, img_size: int | None = None
) -> nn.Module:
    """Return the timm classifier `name`: (N, in_channels, H, W) -> (N, num_classes) logits.

    `img_size` is for architectures with a fixed image size, such as vision transformers.

    Raises:
        SettingsError: timm is not installed, or has no such model.
    """
    try:
        import timm
    except ImportError as error:
        raise SettingsError(
            ['`model=timm` needs the package timm: pip install "paretoprune[timm]"']
        ) from error
    known = timm.list_models()
    if name not in known:
        close = ", ".join(difflib.get_close_matches(name, known, n=5, cutoff=0.4))
        advice = f"close are: {close}" if close else "`timm.list_models()` lists them"
        raise SettingsError([f"`model.name` must name a model of timm, got {name!r}; {advice}"])
    size = {} if img_size is None else {"img_size": img_size}
    model: nn.Module = timm.create_model(
        name, pretrained=False, num_classes=num_classes, in_chans=in_channels, **size
    )
    return model
