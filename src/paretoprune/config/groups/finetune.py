"""`finetune=...`, and `model.train`: how a network is trained."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from paretoprune.config.values import strict


@dataclass(frozen=True, kw_only=True, config=strict)
class FinetuneSettings:
    """How a network is trained: the dense model from scratch, a pruned one after pruning."""

    epochs: Annotated[int, Field(ge=0)] = 4
    learning_rate: Annotated[float, Field(gt=0)] = 0.005  # the peak of the one-cycle schedule
    tune_learning_rate: bool = True  # look for a better peak before the first training
    rate_growth: Annotated[float, Field(ge=0, le=1)] = (
        0.5  # small models: (dense MACs / MACs) ** it
    )
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    weight_decay: Annotated[float, Field(ge=0)] = 5e-4
    warmup: Annotated[float, Field(gt=0, lt=1)] = 0.3  # share of the steps with a rising rate
    distillation: Annotated[float, Field(ge=0, le=1)] = 0.0  # weight of the dense model's answers
    temperature: Annotated[float, Field(gt=0)] = 2.0  # of the distillation
    recalibration_batches: Annotated[int, Field(ge=0)] = 8  # BatchNorm statistics after pruning
    precision: Literal["auto", "32", "bf16"] = "auto"
