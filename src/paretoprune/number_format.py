"""Formatting of measured quantities for people: digits, units, spread."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from paretoprune.metrics import is_rate, quantity_of

# Contention above which a machine counts as busy and times are less reliable.
BUSY = 1.5
_UNRELIABLE = 0.5  # relative spread above which a time is meaningless


def written(name: str, value: float, *, spread: float | None = None) -> str:
    """Format a value of the quantity with its unit, to three or four digits.

    A time gets no more digits than its relative `spread` justifies, and is `unsure` if the spread
    is half of it or more.
    """
    if spread is not None and quantity_of(name).is_timed:
        if spread >= _UNRELIABLE:
            return "unsure"
        value = rounded(value, spread)
    quantity = quantity_of(name)
    if quantity.is_rate:
        return f"{value:.2f} %"
    if name == "time_spread":
        return f"{float(f'{100 * value:.2g}'):g} %"
    if quantity.is_count:
        return short_count(value) + ("B" if quantity.unit == "B" else "")
    return f"{value:.4g}" + (" ms" if quantity.unit == "ms" else "")


def written_difference(name: str, value: float) -> str:
    """Format a difference of two values of the quantity: rates in points, to two decimals."""
    if not is_rate(name):
        return f"{value:+.3g}"
    return f"{round(value, 2) + 0.0:+.2f} points"  # + 0.0: without it there is a -0.00


def written_of(name: str, measured: Mapping[str, float]) -> str:
    """Format one of several quantities measured together, to the digits that their spread
    justifies."""
    return written(name, measured[name], spread=measured.get("time_spread"))


def with_spread(name: str, measured: Mapping[str, float]) -> str:
    """Format as `written_of`; a time is followed by its relative spread: `1.31 ± 4 %`."""
    text, spread = written_of(name, measured), measured.get("time_spread")
    if spread is None or spread >= _UNRELIABLE or not quantity_of(name).is_timed:
        return text
    return f"{text} ± {written('time_spread', spread)}"


def shown(measured: Mapping[str, float]) -> dict[str, float]:
    """Return the measured values, times rounded to the digits that their spread justifies."""
    spread = measured.get("time_spread")
    if spread is None:
        return dict(measured)
    return {
        name: rounded(value, spread) if quantity_of(name).is_timed else value
        for name, value in measured.items()
    }


def rounded(value: float, spread: float) -> float:
    """Round the value to the last digit that is not smaller than its spread."""
    step = abs(value) * spread
    if not (math.isfinite(step) and step > 0):
        return value
    return round(value, -math.floor(math.log10(step)))


def busy_sentence(contentions: Iterable[float | None]) -> str | None:
    """Return a warning if the machine was busy while times were measured; None otherwise."""
    most = max((found for found in contentions if found is not None), default=1.0)
    if most <= BUSY:
        return None
    return (
        f"The machine was busy while latency was measured: up to {most:.1f} times the processor "
        "time elapsed. Only processor time is counted, which is less reliable then."
    )


def notation(name: str) -> dict[str, str | None]:
    """Return the notation of the quantity's values: percent, count or number, and the unit."""
    quantity = quantity_of(name)
    if quantity.is_rate:
        return {"kind": "percent", "unit": None}
    if quantity.is_count:
        return {"kind": "count", "unit": "B" if quantity.unit == "B" else None}
    return {"kind": "number", "unit": " ms" if quantity.unit == "ms" else None}


def short_count(value: float) -> str:
    """Format `1250000` as `1.25M`, with three digits."""
    for factor, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= 0.9995 * factor:
            return f"{value / factor:.3g}{letter}"
    return f"{value:.3g}"
