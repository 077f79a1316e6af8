"""Temporary evaluation mode."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def evaluation_mode(*models: nn.Module) -> Iterator[None]:
    """Inside, every module of `models` is in evaluation mode; afterwards modes are restored."""
    modules = [module for model in models for module in model.modules()]
    before = [module.training for module in modules]
    for model in models:
        model.eval()
    try:
        yield
    finally:
        for module, training in zip(modules, before, strict=True):
            module.training = training
