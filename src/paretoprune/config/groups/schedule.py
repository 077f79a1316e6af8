"""`schedule=...`: when the plan is carried out."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from paretoprune.config.values import Percent, Positive, Share, strict
from paretoprune.config.variants import Of, without_effect


@dataclass(frozen=True, kw_only=True, config=strict)
class ScheduleSettings:
    """When the plan is carried out during fine-tuning.

    An option marked with `Of` belongs to these schedules only; with another it is refused.
    """

    name: Literal[
        "one_shot", "iterative", "gradual", "one_by_one", "lottery", "regrow", "at_init"
    ] = "one_shot"
    # Prunings; of one_by_one at most.
    steps: Annotated[Positive, Of("iterative", "lottery", "at_init", "one_by_one")] = 1
    # Equal numbers are removed in each step, or equal shares of what is left.
    spacing: Annotated[Literal["linear", "geometric"], Of("iterative", "lottery", "at_init")] = (
        "linear"
    )
    # Share of the training steps over which the masks grow.
    ramp: Annotated[Share, Of("gradual")] = 0.5
    units: Annotated[Positive, Of("one_by_one")] = 1  # channels that are removed at a time
    recovery: Annotated[Positive, Of("one_by_one")] = 4  # training batches after each removal
    # Stop before the task's first quality on the validation data becomes worse; in its unit.
    min_quality: Annotated[float | None, Of("one_by_one")] = None
    min_accuracy: Annotated[Percent | None, Of("one_by_one")] = None  # of classifiers, the same
    # What goes back, and to which epoch of the dense model's training.
    rewind: Annotated[Literal["weights", "learning_rate"], Of("lottery")] = "weights"
    rewind_epoch: Annotated[int, Field(ge=0), Of("lottery")] = 0
    exchanged: Annotated[Share, Of("regrow")] = 0.3  # share of the weights exchanged at first
    every: Annotated[Positive, Of("regrow")] = 10  # training steps between two exchanges
    # Share of the training steps after which nothing is exchanged.
    until: Annotated[Share, Of("regrow")] = 0.75
    # Factor of the number of weights until then.
    overgrow: Annotated[float, Field(ge=1), Of("regrow")] = 1.0

    @model_validator(mode="after")
    def _steps_fit_the_name(self) -> ScheduleSettings:
        mistakes = without_effect(self, "schedule")
        if self.min_quality is not None and self.min_accuracy is not None:
            mistakes.append("give `schedule.min_quality` or `schedule.min_accuracy`, not both")
        if self.name == "iterative" and self.steps < 2:
            mistakes.append("`schedule.steps` must be 2 or more with `schedule=iterative`")
        if mistakes:
            raise ValueError("\n".join(mistakes))
        return self

    @property
    def retrains_from_scratch(self) -> bool:
        """Whether trials are trained as the dense model is (`model.train`), not fine-tuned."""
        return self.name in ("lottery", "at_init")
