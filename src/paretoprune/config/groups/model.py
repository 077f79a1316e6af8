"""`model=...`: the dense model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic.dataclasses import dataclass

from paretoprune.config.groups.finetune import FinetuneSettings
from paretoprune.config.target import Target
from paretoprune.config.values import Percent, strict

_FROM_SCRATCH: dict[str, Any] = {"epochs": 20, "learning_rate": 0.1}


def _completed(train: object) -> object:
    """Return the settings of a training with the defaults of a training from scratch."""
    return {**_FROM_SCRATCH, **train} if isinstance(train, Mapping) else train


@dataclass(frozen=True, kw_only=True, config=strict)
class ModelSettings:
    """The dense model: its constructor, and its weights or the training that produces them."""

    target: Target
    weights: Path | None = None  # .safetensors, .pt, .pth, .ckpt or .bin
    published_accuracy: Percent | None = None  # on the official test images, if known
    train: Annotated[FinetuneSettings, BeforeValidator(_completed)] = FinetuneSettings(
        **_FROM_SCRATCH
    )
