"""Mutations of an allocation at constant size: a uniform step, and swaps between groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

Ratios = Mapping[str, float]
Choices = Mapping[str, Sequence[float]]  # ratios of each group, increasing from 0

_FARTHEST = 3  # maximum number of choices by which a swap widens a group


def uniform_step(choices: Choices, *, start: Ratios, enough: Callable[[Ratios], bool]) -> Ratios:
    """Return the lowest uniform ratio, never below the ratios of `start`, that is `enough`.

    `enough` must be monotone, and true for the maximum ratios.
    """
    levels = sorted({ratio for rising in choices.values() for ratio in rising})

    def at(level: float) -> dict[str, float]:
        return {
            name: max(start[name], *(ratio for ratio in rising if ratio <= level))
            for name, rising in choices.items()
        }

    low, high = 0, len(levels) - 1
    while low < high:
        middle = (low + high) // 2
        if enough(at(levels[middle])):
            high = middle
        else:
            low = middle + 1
    return at(levels[low])


def widened(
    ratios: Ratios,
    choices: Choices,
    *,
    start: Ratios,
    enough: Callable[[Ratios], bool],
    saved: Callable[[str, float, float], float],
) -> Ratios:
    """Return the ratios with groups one choice wider, as long as that is still `enough`.

    Groups come in the order of `saved(name, ratio, wider)`, the damage that is avoided, the largest
    first, and are not widened beyond `start`. A uniform step narrows several groups at once, and
    may pass the size by far.
    """
    wider = {
        name: max(larger)
        for name, ratio in ratios.items()
        if (larger := [r for r in choices[name] if start[name] <= r < ratio])
    }
    found = dict(ratios)
    for name in sorted(wider, key=lambda name: -saved(name, ratios[name], wider[name])):
        if enough({**found, name: wider[name]}):
            found[name] = wider[name]
    return found


def swap(
    ratios: Ratios,
    choices: Choices,
    *,
    start: Ratios,
    enough: Callable[[Ratios], bool],
    random: np.random.Generator,
) -> Ratios:
    """Widen one group by up to three choices, not beyond `start`, and narrow others in exchange.

    The level-switch mutation of EvoPress (Sieberling et al. 2024, section 3), which keeps the size.
    Returns `ratios` unchanged if no swap is possible.
    """
    wider = [name for name in ratios if ratios[name] > start[name]]
    if len(ratios) < 2 or not wider:
        return ratios
    chosen = str(random.choice(wider))
    larger = [r for r in choices[chosen] if start[chosen] <= r < ratios[chosen]]
    found = {**ratios, chosen: larger[-min(len(larger), int(random.integers(1, _FARTHEST + 1)))]}
    while not enough(found):
        narrower = [n for n in found if n != chosen and found[n] < choices[n][-1]]
        if not narrower:
            return ratios
        name = str(random.choice(narrower))
        found[name] = next(ratio for ratio in choices[name] if ratio > found[name])
    return found
