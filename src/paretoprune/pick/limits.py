"""The limits of a pick: reading them, and saying what comes nearest when nothing satisfies them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from paretoprune.errors import PickError
from paretoprune.metrics import DIRECTIONS, Direction, written_of
from paretoprune.results import Metrics, TrialResult

_DROP = "max_accuracy_drop"


@dataclass(frozen=True)
class Limit:
    """A bound on one quantity, as the user spelled it: `max_macs=20000`."""

    spelled: str
    name: str
    upper: bool
    bound: float
    dense_accuracy: float | None = None  # for `max_accuracy_drop`, whose bound counts from it

    def excess(self, value: float) -> float:
        """How far the value is beyond the bound, as a share of the bound; 0 or less is within."""
        beyond = value - self.bound if self.upper else self.bound - value
        return beyond / abs(self.bound) if self.bound else beyond

    def loosened(self, value: float) -> str:
        """The limit as the user would spell it to let this value in."""
        if self.dense_accuracy is not None:
            return f"{self.spelled}={_rounded(self.dense_accuracy - value, up=True):.10g}"
        return f"{self.spelled}={_rounded(value, up=self.upper):.10g}"


def read_limits(limits: Mapping[str, float], dense: Metrics) -> list[Limit]:
    """The limits by the user's spelling.

    Raises:
        PickError: a limit names no measured quantity.
    """
    return [_read(spelled, bound, dense) for spelled, bound in limits.items()]


def unmet(result: TrialResult, limits: Sequence[Limit]) -> list[Limit]:
    """The limits that the trial breaks.

    Raises:
        PickError: a limit is on a quantity that was not measured.
    """
    return [limit for limit in limits if limit.excess(_value(result, limit)) > 0]


def no_match_message(
    members: Sequence[TrialResult], limits: Sequence[Limit], objectives: Mapping[str, Direction]
) -> str:
    """The sentence for limits that no member satisfies: the nearest one, and what would do."""

    def distance(result: TrialResult) -> tuple[float, int]:
        broken = (limit.excess(_value(result, limit)) for limit in unmet(result, limits))
        return sum(broken), result.number

    nearest = min(members, key=distance)
    asked = " and ".join(f"`{limit.spelled}`" for limit in limits)
    measured = nearest.metrics.measured()
    shown = dict.fromkeys([*objectives, *(limit.name for limit in limits)])
    values = ", ".join(f"{name} {written_of(name, measured)}" for name in shown)
    loosened = " ".join(limit.loosened(_value(nearest, limit)) for limit in unmet(nearest, limits))
    who = f"trial {members[0].number}" if len(members) == 1 else "no trial of the front"
    verb = "does not satisfy" if len(members) == 1 else "satisfies"
    return f"{who} {verb} {asked}; nearest is trial {nearest.number} ({values}): `{loosened}`"


def _read(spelled: str, bound: float, dense: Metrics) -> Limit:
    if spelled == _DROP:
        accuracy = dense.quality.get("accuracy")
        if accuracy is None:
            raise PickError(f"`{_DROP}` needs the dense model's accuracy, which is not known")
        least = round(accuracy - bound, 9)  # 98.3 - 74.6 is a little more than 23.7
        return Limit(spelled, "accuracy", False, least, accuracy)
    way, _, name = spelled.partition("_")
    if way not in ("min", "max") or name not in DIRECTIONS:
        raise PickError(
            f"`{spelled}` is no limit; write `{_DROP}`, or `min_` or `max_` before one of: "
            f"{', '.join(DIRECTIONS)}"
        )
    return Limit(spelled, name, way == "max", bound)


def _value(result: TrialResult, limit: Limit) -> float:
    measured = result.metrics.measured()
    if limit.name not in measured:
        raise PickError(f"`{limit.spelled}` needs {limit.name}, which this sweep did not measure")
    return measured[limit.name]


def _rounded(value: float, *, up: bool) -> float:
    """The value to four digits, rounded to the side on which it satisfies its own limit."""
    if value == 0:
        return 0.0
    step = 10.0 ** (math.floor(math.log10(abs(value))) - 3)
    return (math.ceil(value / step) if up else math.floor(value / step)) * step
