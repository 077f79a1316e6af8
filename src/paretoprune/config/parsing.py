"""Parsing of counts, times and budgets with unit suffixes: `50k`, `10min`, `200ep`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from paretoprune.results import Budget
from paretoprune.results.jobs import BudgetUnit

_SUFFIXES = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9}


def parse_count(value: object) -> object:
    """Convert `50k` to 50000, `1.5M` to 1500000, `50kB` to 50000; return numbers unchanged."""
    if isinstance(value, str):
        match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([kKmMgG]?)[bB]?\s*", value)
        if match:
            return float(match[1]) * _SUFFIXES[match[2].lower()]
    return value


def parse_share(value: object) -> object:
    """Convert `50%` to 0.5; return anything else unchanged."""
    match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*%\s*", value) if isinstance(value, str) else None
    return float(match[1]) / 100 if match else value


_NUMBER_AND_UNIT = re.compile(r"\s*([0-9]*\.?[0-9]+)\s*([a-z]*)\s*")
_BUDGETS: Mapping[str, tuple[float, BudgetUnit]] = {
    "": (1, "trials"),
    "trials": (1, "trials"),
    "ep": (1, "epochs"),
    "s": (1, "seconds"),
    "min": (60, "seconds"),
    "h": (3600, "seconds"),
}


def parse_budget(value: object) -> object:
    """Convert `10min` to 600 seconds, `200ep` to 200 epochs, `40` to 40 trials."""
    if isinstance(value, Budget | Mapping) or value is None:
        return value
    match = _NUMBER_AND_UNIT.fullmatch(str(value))
    if match is None or match[2] not in _BUDGETS:
        raise ValueError(
            f"a budget is a time (`90s`, `10min`, `2h`), passes over the training data (`200ep`) "
            f"or a number of trials (`40`), not `{value}`"
        )
    scale, unit = _BUDGETS[match[2]]
    return Budget(float(match[1]) * scale, unit)


def parse_seconds(value: object) -> object:
    """Convert `90s` to 90, `10min` to 600, `2h` to 7200; numbers are already in seconds."""
    if not isinstance(value, str) or value.strip().isdigit():
        return value
    match = _NUMBER_AND_UNIT.fullmatch(value)
    scale, unit = _BUDGETS.get(match[2], (0, "")) if match else (0, "")
    if match is None or unit != "seconds":
        raise ValueError(f"a time is written `90s`, `10min` or `2h`, not `{value}`")
    return float(match[1]) * scale
