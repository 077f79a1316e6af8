"""The limits of a pick: reading them, and the nearest model if none satisfies them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from paretoprune.config.name_patterns import closest
from paretoprune.errors import PickError
from paretoprune.metrics import DIRECTIONS, Direction
from paretoprune.number_format import written_of
from paretoprune.results import Metrics, TrialResult
from paretoprune.retained import QualityScale

_DROP = "max_drop"  # a share of the quality that the dense model gains over the trivial predictor
_POINTS = "max_accuracy_drop"  # percentage points
_WORST = "min_quality"  # of the first objective that is a quality; the most of an error


@dataclass(frozen=True)
class Limit:
    """A bound on one quantity, as the user spelled it: `max_macs=20000`."""

    spelled: str
    name: str
    upper: bool
    bound: float
    # The drop at a value, for limits that count from the dense model's quality.
    drop: Callable[[float], float] | None = None

    def excess(self, value: float) -> float:
        """Return the share of the bound by which the value exceeds it; 0 or less is within."""
        beyond = value - self.bound if self.upper else self.bound - value
        return beyond / abs(self.bound) if self.bound else beyond

    def loosened(self, value: float) -> str:
        """The limit as the user would spell it to let this value in."""
        if self.drop is not None:
            return f"{self.spelled}={_rounded(self.drop(value), up=True):.10g}"
        return f"{self.spelled}={_rounded(value, up=self.upper):.10g}"


def read_limits(
    limits: Mapping[str, float], dense: Metrics, scale: QualityScale | None
) -> list[Limit]:
    """The limits by the user's spelling; `scale` is of the front's quality.

    Raises:
        PickError: a limit names no measured quantity.
    """
    return [_read(spelled, bound, dense, scale) for spelled, bound in limits.items()]


def unmet(result: TrialResult, limits: Sequence[Limit]) -> list[Limit]:
    """The limits that the trial breaks.

    Raises:
        PickError: a limit is on a quantity that was not measured.
    """
    return [limit for limit in limits if limit.excess(_value(result, limit)) > 0]


def no_match_message(
    members: Sequence[TrialResult], limits: Sequence[Limit], objectives: Mapping[str, Direction]
) -> str:
    """The sentence for limits that no member satisfies: the nearest one, and limits that it
    satisfies."""

    def distance(result: TrialResult) -> tuple[float, int]:
        broken = (limit.excess(_value(result, limit)) for limit in unmet(result, limits))
        return sum(broken), result.number

    nearest = min(members, key=distance)
    asked = " and ".join(f"`{limit.spelled}`" for limit in limits)
    measured = nearest.metrics.measured()
    shown = dict.fromkeys([*objectives, *(limit.name for limit in limits)])
    values = ", ".join(f"{name} {written_of(name, measured)}" for name in shown)
    loosened = " ".join(limit.loosened(_value(nearest, limit)) for limit in unmet(nearest, limits))
    who = f"trial {members[0].key}" if len(members) == 1 else "no trial of the front"
    verb = "does not satisfy" if len(members) == 1 else "satisfies"
    return f"{who} {verb} {asked}; nearest is trial {nearest.key} ({values}): `{loosened}`"


def _read(spelled: str, bound: float, dense: Metrics, scale: QualityScale | None) -> Limit:
    if spelled == _POINTS:
        accuracy = dense.quality.get("accuracy")
        if accuracy is None:
            raise PickError(
                f"`{_POINTS}` needs the dense model's accuracy, which is not known; "
                f"`{_DROP}=1%` is of any quality"
            )
        least = round(accuracy - bound, 9)  # 98.3 - 74.6 is a little more than 23.7
        return Limit(spelled, "accuracy", False, least, lambda value: accuracy - value)
    if spelled in (_DROP, _WORST):
        return _of_quality(spelled, bound, scale)
    way, _, name = spelled.partition("_")
    if way not in ("min", "max") or name not in DIRECTIONS:
        close = closest(name, [*(dense.measured() or DIRECTIONS)])
        meant = f"{way}_{close}" if close and way in ("min", "max") else None
        hint = f"did you mean `{meant}`? " if meant else ""
        raise PickError(
            f"`{spelled}` is no limit; {hint}write `{_POINTS}`, `{_DROP}`, `{_WORST}`, or `min_` "
            f"or `max_` before one of: {', '.join(dense.measured() or DIRECTIONS)}"
        )
    return Limit(spelled, name, way == "max", bound)


def _of_quality(spelled: str, bound: float, scale: QualityScale | None) -> Limit:
    if scale is None:
        raise PickError(f"`{spelled}` needs an objective that is a quality; this sweep has none")
    upper = scale.direction == "minimize"
    if spelled == _WORST:
        return Limit(spelled, scale.name, upper, bound)
    if not 0 <= bound < 1:
        raise PickError(f"`{_DROP}={bound:g}` must be a share, such as 1% or 0.01")
    worst = scale.at_share(bound)
    if worst is None:
        raise PickError(
            f"`{_DROP}` needs a dense model that is better in {scale.name} than the trivial "
            f"predictor; write `{_WORST}`, in the unit of {scale.name}"
        )

    def drop(value: float) -> float:
        kept = scale.retained(value)
        return 0.0 if kept is None else 1.0 - kept

    return Limit(spelled, scale.name, upper, round(worst, 9), drop)


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
