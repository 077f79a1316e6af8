"""A request to pick and export models, as a command line states it."""

from __future__ import annotations

from dataclasses import dataclass

from paretoprune.config.groups.finetune import FinetuneSettings
from paretoprune.measure.request import Request

BITS_RANGE = (2, 8)  # the fewest and the most of a weight in a compact file


@dataclass(frozen=True)
class ExportOptions:
    """Options for the export of picked models."""

    formats: tuple[str, ...] = ("safetensors",)
    bits: int = BITS_RANGE[1]  # of the weights in a compact file
    finetune: FinetuneSettings | None = None  # of a longer training; None: the sweep's own
    epochs: int | None = None  # of a longer training; None: those of `finetune`
    seeds: int = 0
    register: str | None = None
    licence: str | None = None
    latency: Request | None = None  # how its running cost is measured; None: it is not
    trust: tuple[str, ...] = ()  # packages of the user's own that the sweep's config may call

    @property
    def trains_longer(self) -> bool:
        """True if a model is trained further before it is exported."""
        return self.finetune is not None or self.epochs is not None
