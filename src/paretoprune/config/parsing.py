"""Parsing of numbers with units: `50k`, `50%`, `5ms`, `10min`, `200ep`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from paretoprune.results import Budget
from paretoprune.results.jobs import BudgetUnit

_NUMBER_AND_UNIT = re.compile(r"\s*([0-9]*\.?[0-9]+(?:e[+-]?[0-9]+)?)\s*([a-z%]*)\s*")
_MULTIPLES = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9, "ki": 2**10, "mi": 2**20, "gi": 2**30}
_COUNTS = {f"{prefix}{unit}": scale for prefix, scale in _MULTIPLES.items() for unit in ("", "b")}
_PERCENT = {"": 1.0, "%": 1.0}
_SECONDS = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hour", "hours"), 3600.0),
}
_MILLISECONDS = {"": 1.0, "ms": 1.0} | {unit: 1000 * scale for unit, scale in _SECONDS.items()}
_BUDGETS: Mapping[str, tuple[float, BudgetUnit]] = {
    **dict.fromkeys(("", "trial", "trials"), (1.0, "trials")),
    **dict.fromkeys(("ep", "epoch", "epochs"), (1.0, "epochs")),
    **{unit: (scale, "seconds") for unit, scale in _SECONDS.items()},
}


def parse_count(value: object) -> object:
    """Convert `50k` to 50000, `1.5M` to 1500000, `50kB` to 50000, `50KiB` to 51200."""
    return _scaled(value, _COUNTS, "a number, as in `50000`, `50k`, `1.5M` or `50kB`")


def parse_percent(value: object) -> object:
    """Convert `50%` to 50, of settings whose numbers are percentages."""
    return _scaled(value, _PERCENT, "a percentage, as in `0.5` or `0.5%`")


def parse_milliseconds(value: object) -> object:
    """Convert `5ms` to 5, `0.5s` to 500; numbers are already in milliseconds."""
    return _scaled(value, _MILLISECONDS, "a time in milliseconds, as in `5` or `5ms`")


def parse_share(value: object) -> object:
    """Convert `50%` to 0.5; numbers are already shares."""
    percent = _scaled(value, {"": 100.0, "%": 1.0}, "a share, as in `0.5` or `50%`")
    return percent / 100 if isinstance(value, str) and isinstance(percent, float) else value


def parse_budget(value: object) -> object:
    """Convert `10min` to 600 seconds, `200ep` to 200 epochs, `40` to 40 trials."""
    if isinstance(value, Budget | Mapping) or value is None:
        return value
    found = _number_and_unit(str(value))
    if found is None or found[1] not in _BUDGETS:
        raise ValueError(
            f"a budget is a time (`90s`, `10min`, `2h`), passes over the training data (`200ep`) "
            f"or a number of trials (`40`), not `{value}`"
        )
    number, suffix = found
    scale, unit = _BUDGETS[suffix]
    return Budget(number * scale, unit)


def parse_seconds(value: object) -> object:
    """Convert `90s` to 90, `10min` to 600, `2h` to 7200; numbers are already in seconds."""
    return _scaled(value, {"": 1.0, **_SECONDS}, "a time, as in `90s`, `10min` or `2h`")


def _scaled(value: object, units: Mapping[str, float], expected: str) -> object:
    """Return a text with a unit as a number, and anything else unchanged.

    Raises ValueError, which names the expected form, for any other text.
    """
    if not isinstance(value, str):
        return value
    found = _number_and_unit(value)
    if found is None or found[1] not in units:
        raise ValueError(f"must be {expected}, got `{value}`")
    number, unit = found
    return number * units[unit]


def _number_and_unit(value: object) -> tuple[float, str] | None:
    """Return the number and the unit, in lower case, of a text; None if it has another form."""
    match = _NUMBER_AND_UNIT.fullmatch(value.lower()) if isinstance(value, str) else None
    return (float(match[1]), match[2]) if match else None
