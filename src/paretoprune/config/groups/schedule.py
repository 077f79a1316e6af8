"""`schedule=...`: when the plan is carried out."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from paretoprune.config.values import Percent, Positive, Share, strict


@dataclass(frozen=True, kw_only=True, config=strict)
class ScheduleSettings:
    """When the plan is carried out during fine-tuning. Which settings count depends on the name."""

    name: Literal[
        "one_shot", "iterative", "gradual", "one_by_one", "lottery", "regrow", "at_init"
    ] = "one_shot"
    steps: Positive = 1  # prunings; one_by_one: at most so many
    spacing: Literal["linear", "geometric"] = "linear"  # equal numbers go, or equal shares
    ramp: Share = 0.5  # gradual: share of the training steps over which the masks grow
    units: Positive = 1  # one_by_one: channels that go at a time
    recovery: Positive = 4  # one_by_one: training batches after each removal
    min_accuracy: Percent | None = None  # one_by_one: stop before the validation falls below
    rewind: Literal["weights", "learning_rate"] = "weights"  # lottery: what goes back
    rewind_epoch: Annotated[int, Field(ge=0)] = 0  # lottery: to this epoch of the dense training
    exchanged: Share = 0.3  # regrow: share of the weights that are exchanged at first
    every: Positive = 10  # regrow: training steps between two exchanges
    until: Share = 0.75  # regrow: share of the training steps after which nothing is exchanged
    overgrow: Annotated[float, Field(ge=1)] = 1.0  # regrow: so many times the weights, until then

    @model_validator(mode="after")
    def _steps_fit_the_name(self) -> ScheduleSettings:
        if self.name == "iterative" and self.steps < 2:
            raise ValueError("`schedule.steps` must be 2 or more with `schedule=iterative`")
        return self

    @property
    def retrains_from_scratch(self) -> bool:
        """Whether trials are trained as the dense model is (`model.train`), not fine-tuned."""
        return self.name in ("lottery", "at_init")
