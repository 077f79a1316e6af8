"""Trials before they run: the budget, a proposed candidate, the job made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

BudgetUnit = Literal["trials", "epochs", "seconds"]
# Origin of trials that are pruned and not trained; ignored by duplicate detection.
UNTRAINED = "untrained"
_ORIGINS = {"sketch": UNTRAINED}  # of 0.1.0


@dataclass(frozen=True)
class Budget:
    """The budget of a search, or its remainder.

    `amount` is a number of trials, epochs or seconds, according to `unit`.
    """

    amount: float
    unit: BudgetUnit  # epochs: of a model of any size


@dataclass(frozen=True)
class Proposal:
    """A candidate proposed by a strategy: a ratio for each group, and how to train it.

    Returned by strategies, and turned into a `Job` by the sweep after ratios are rounded to widths.
    With a `parent`, training starts from that trial's weights; `rung` and `nested` serve successive
    halving and weight-sharing strategies.
    """

    ratios: Mapping[str, float]  # by group name, each in [0, 1)
    origin: str  # "dense", "uniform", "global", "sampler", "chain" ...
    parent: int | None = None  # the trial whose weights it starts from; None: the dense model
    epochs: float | None = None  # epochs of training; None: the complete schedule
    # number of earlier trainings of the same widths; `parent` is then the latest of them
    rung: int = 0
    nested: tuple[Mapping[str, float], ...] = ()  # ratios of smaller models trained in its weights
    seconds: float | None = None  # of the complete trial, in a budget of time; None: no limit


@dataclass(frozen=True)
class Job:
    """A trial to run: the plain data that is sent to executors and worker processes.

    Made from a `Proposal` when a trial starts, and stored in the trial's `job.json`. Together with
    the sweep's settings it determines the trial completely, so a trial can be repeated after a
    crash or in another process.
    """

    number: int
    origin: str
    ratios: Mapping[str, float]  # requested ratios, by group name
    widths: Mapping[str, int]  # channels to keep, by group name
    seed: int
    parent: int | None = None  # the trial whose weights it starts from; None: the dense model
    epochs: float | None = None  # epochs of training; None: the complete schedule
    rung: int = 0
    # Widths of smaller models that are trained in its weights (nested), smallest first. A pass
    # through any of them counts as training, too.
    nested: tuple[Mapping[str, int], ...] = ()
    # Limit of its fine-tuning, which then ends before `epochs` are complete; None: no limit.
    seconds: float | None = None
    # (bytes, first quality) of the models of the front, where bits are searched: a quantized model
    # that one of them beats is not made.
    rivals: tuple[tuple[float, float], ...] = ()

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Job:
        """Inverse of `dataclasses.asdict`; accepts jobs of earlier versions."""
        nested, origin = tuple(data.get("nested", ())), current_origin(data["origin"])
        rivals = rivals_from_json(data)
        return cls(**{**data, "nested": nested, "origin": origin, "rivals": rivals})


def rivals_from_json(data: Mapping[str, Any]) -> tuple[tuple[float, float], ...]:
    """Return the rivals of a stored job or result; there are none in those of earlier versions."""
    return tuple((size, quality) for size, quality in data.get("rivals", ()))


def current_origin(origin: str) -> str:
    """Return an origin stored by this or an earlier version, as this one names it."""
    return _ORIGINS.get(origin, origin)
