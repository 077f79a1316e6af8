"""`model=...`: the dense model."""

from __future__ import annotations

from pathlib import Path

from pydantic.dataclasses import dataclass

from paretoprune.config.groups.finetune import FinetuneSettings
from paretoprune.config.target import Target
from paretoprune.config.values import Percent, strict


@dataclass(frozen=True, kw_only=True, config=strict)
class ModelSettings:
    """The dense model: its constructor, and its weights or the training that produces them."""

    target: Target
    weights: Path | None = None  # .safetensors, .pt, .pth, .ckpt or .bin
    published_accuracy: Percent | None = None  # on the official test images, if known
    train: FinetuneSettings = FinetuneSettings(epochs=20, learning_rate=0.1)
