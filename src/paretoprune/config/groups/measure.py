"""`measure=...`: optional measurements and their parameters."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from paretoprune.config.values import Positive, strict


@dataclass(frozen=True, kw_only=True, config=strict)
class MeasureSettings:
    """Measurements in addition to quality, parameters, MACs and bytes, which are
    always measured."""

    latency: bool = True
    latency_batch_size: Positive = 1
    latency_threads: Positive = 1
    latency_repeats: Annotated[int, Field(ge=10)] = 30
    latency_warmup: Positive = 5
