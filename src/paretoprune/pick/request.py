"""A request to pick and export models, as a command line states it."""

from __future__ import annotations

from dataclasses import dataclass

from paretoprune.config.groups.finetune import FinetuneSettings
from paretoprune.measure.request import Request


@dataclass(frozen=True)
class ExportOptions:
    """What is to be done with the models that are picked."""

    formats: tuple[str, ...] = ("safetensors",)
    finetune: FinetuneSettings | None = None  # of a longer training; None: the sweep's own
    epochs: int | None = None  # of a longer training; None: those of `finetune`
    seeds: int = 0
    register: str | None = None
    licence: str | None = None
    latency: Request | None = None  # how its running cost is measured; None: it is not

    @property
    def trains_longer(self) -> bool:
        """Whether a model is trained further before it is exported."""
        return self.finetune is not None or self.epochs is not None
