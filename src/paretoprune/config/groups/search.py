"""`search=...`: the strategy, its objectives and its budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated

from pydantic import BeforeValidator, model_validator
from pydantic.dataclasses import dataclass

from paretoprune.config.name_patterns import closest
from paretoprune.config.parsing import parse_budget
from paretoprune.config.target import Target
from paretoprune.config.values import Positive, Ratio, strict
from paretoprune.metrics import DIRECTIONS, Direction
from paretoprune.results import Budget

DEFAULT_OBJECTIVES: Mapping[str, Direction] = {"accuracy": "maximize", "macs": "minimize"}


def _no_name(value: object) -> object:
    """Raises ValueError for the name of a strategy, which is chosen by its config file."""
    if isinstance(value, str):
        raise ValueError(f"a strategy is chosen by `search={value}`, not by name here")
    return value


def without_nulls(objectives: object) -> object:
    """Return the objectives without those that are null."""
    if not isinstance(objectives, Mapping):
        return objectives
    return {name: direction for name, direction in objectives.items() if direction is not None}


@dataclass(frozen=True, kw_only=True, config=strict)
class SearchSettings:
    """The search over ratios. Without it (`search=none`) a command is one single run."""

    # Chooses the candidates; its options stand beside `search.strategy._target_`.
    strategy: Annotated[Target, BeforeValidator(_no_name)]
    # Trials that are run, the dense model's and the baselines' included, where there is no budget.
    # Duplicates, and candidates that exceed a limit before training, do not count.
    n_trials: Positive = 30
    budget: Annotated[Budget | None, BeforeValidator(parse_budget)] = None
    extend: bool = False  # go on with a sweep that was made for a smaller budget
    storage: str | None = None  # URL of a study that several sweeps share; None: study.db
    # `macs: null` leaves one out that another file names.
    objectives: Annotated[Mapping[str, Direction], BeforeValidator(without_nulls)] = field(
        default_factory=lambda: dict(DEFAULT_OBJECTIVES)
    )
    max_ratio: Ratio = 0.9  # the most that may be removed from one group
    baseline_ratios: tuple[Ratio, ...] = (0.2, 0.4, 0.6, 0.8)  # uniform; global at equal MACs

    @property
    def sampler(self) -> Target | None:
        """The Optuna sampler among the options of the strategy, if it has one."""
        return self.strategy.inner("sampler")

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
            close = {"latency": "latency_ms", "size": "size_bytes", "bytes": "size_bytes"}
            meant = close.get(unknown[0]) or closest(unknown[0], [*DIRECTIONS])
            hint = f"did you mean `{meant}`? " if meant else ""
            mistakes.append(
                f"`search.objectives` names {', '.join(unknown)}, which is not measured; {hint}"
                f"measured are: {', '.join(DIRECTIONS)}"
            )
        if max(self.baseline_ratios, default=0.0) > self.max_ratio:
            mistakes.append(
                f"`search.baseline_ratios` must not exceed `search.max_ratio={self.max_ratio}`"
            )
        if mistakes:
            raise ValueError("\n".join(mistakes))
        return self
