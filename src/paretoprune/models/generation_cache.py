"""The cache of keys and values that decoders return for generation."""

from __future__ import annotations

from torch import nn


def disable_cache(model: nn.Module) -> nn.Module:
    """Set `use_cache` to False in the configs of all parts, as of transformers' decoders.

    Their outputs have tensors only then, and training needs less memory. Returns the model.
    """
    for module in model.modules():
        config = getattr(module, "config", None)
        if getattr(config, "use_cache", False):
            config.use_cache = False  # type: ignore[union-attr]
    return model
