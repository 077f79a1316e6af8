"""`finetune=...` and `model.train`: the training of a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field
from pydantic.dataclasses import dataclass

from paretoprune.config.name_patterns import closest
from paretoprune.config.target import Target
from paretoprune.config.values import strict

_OPTIMIZERS = ("auto", "sgd", "adamw")


def _as_text(precision: object) -> object:
    """`precision=32` is a number to YAML and to the command line."""
    return str(precision) if type(precision) is int else precision


def _named(optimizer: object) -> object:
    """Raises ValueError for an optimizer that is neither a known name nor a `_target_`."""
    if isinstance(optimizer, Mapping | Target) or optimizer in _OPTIMIZERS:
        return optimizer
    close = closest(str(optimizer), _OPTIMIZERS)
    hint = f"; did you mean `{close}`?" if close else ""
    raise ValueError(
        f"must be {', '.join(_OPTIMIZERS)}, or name a class by `_target_`, such as "
        f"{{_target_: torch.optim.RMSprop}}, got {optimizer!r}{hint}"
    )


@dataclass(frozen=True, kw_only=True, config=strict)
class FinetuneSettings:
    """Training hyperparameters, of the dense model from scratch and of pruned models."""

    epochs: Annotated[int, Field(ge=0)] = 4
    # auto: as suits task and network; or a class, which gets the parameters and the learning rate
    optimizer: Annotated[str | Target, BeforeValidator(_named)] = "auto"
    lr_scheduler: Target | None = None  # stepped after each step; None: one cycle
    learning_rate: Annotated[float, Field(gt=0)] = 0.005  # the peak of the one-cycle schedule
    tune_learning_rate: bool = True  # run a learning-rate range test before the first training
    rate_growth: Annotated[float, Field(ge=0, le=1)] = (
        0.5  # exponent for smaller models: rate * (dense MACs / MACs) ** rate_growth
    )
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9  # of AdamW: its beta1
    weight_decay: Annotated[float, Field(ge=0)] = 5e-4
    # share of the steps with a rising learning rate
    warmup: Annotated[float, Field(gt=0, lt=1)] = 0.3
    # weight of the knowledge distillation loss
    distillation: Annotated[float, Field(ge=0, le=1)] = 0.0
    temperature: Annotated[float, Field(gt=0)] = 2.0  # of the distillation's softmax
    # batches for recomputing BatchNorm statistics after pruning
    recalibration_batches: Annotated[int, Field(ge=0)] = 8
    precision: Annotated[Literal["auto", "32", "bf16"], BeforeValidator(_as_text)] = "auto"
