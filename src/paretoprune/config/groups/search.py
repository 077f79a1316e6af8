"""`search=...`: how candidates are chosen, and for how long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic.dataclasses import dataclass

from paretoprune.config.parsing import parse_budget
from paretoprune.config.target import Target
from paretoprune.config.values import Positive, Ratio, strict
from paretoprune.metrics import DIRECTIONS, Direction
from paretoprune.results import Budget


@dataclass(frozen=True, kw_only=True, config=strict)
class SearchSettings:
    """The search over ratios. Without it (`search=none`) a command is one single run."""

    strategy: Literal["full", "uniform", "global", "halving", "chain", "shared", "auto"] = "full"
    sampler: Target | None = None  # of the strategies `full` and `halving`
    log_sizes: bool = False  # of a sampler: sizes drawn evenly in their logarithm
    # Trials that are run, the dense model's and the baselines' included, where there is no budget.
    # Duplicates, and what is over a limit before it is trained, do not count.
    n_trials: Positive = 30
    budget: Annotated[Budget | None, BeforeValidator(parse_budget)] = None
    num_sizes: Positive = 10  # from the largest to the smallest, where the budget does not say
    min_gain: Annotated[float, Field(ge=0, lt=1)] = 0.001  # of the front's area, for one more trial
    extend: bool = False  # go on with a sweep that was made for a smaller budget
    storage: str | None = None  # URL of a study that several sweeps share; None: study.db
    objectives: Mapping[str, Direction] = field(
        default_factory=lambda: {"accuracy": "maximize", "macs": "minimize"}
    )
    max_ratio: Ratio = 0.9  # the most that may be removed from one group
    baseline_ratios: tuple[Ratio, ...] = (0.2, 0.4, 0.6, 0.8)  # uniform; global at equal MACs

    @model_validator(mode="after")
    def _fit_together(self) -> SearchSettings:
        mistakes = []
        if not 2 <= len(self.objectives) <= 3:
            mistakes.append(
                "`search.objectives` must name two or three quantities, got "
                f"{len(self.objectives)} ({', '.join(self.objectives)}); "
                "`~search.objectives.macs` leaves one out"
            )
        unknown = [name for name in self.objectives if name not in DIRECTIONS]
        if unknown:
            mistakes.append(
                f"`search.objectives` names {', '.join(unknown)}, which is not measured; "
                f"measured are: {', '.join(DIRECTIONS)}"
            )
        if self.strategy in ("full", "halving") and self.sampler is None:
            mistakes.append(
                f"`search.strategy={self.strategy}` needs `search.sampler`; "
                "`search=auto`, for example, is a whole search"
            )
        if max(self.baseline_ratios, default=0.0) > self.max_ratio:
            mistakes.append(
                f"`search.baseline_ratios` must not exceed `search.max_ratio={self.max_ratio}`"
            )
        if mistakes:
            raise ValueError("\n".join(mistakes))
        return self
