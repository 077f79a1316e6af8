"""Pruning schedules as numbers: stages, and the gradual ramp."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Spacing = Literal["linear", "geometric"]  # equal numbers, or equal shares of what is left


@dataclass(frozen=True)
class Stage:
    """Prune up to `share` of the plan, then train for `epochs`."""

    share: float  # of the channels that the plan removes, in (0, 1]
    epochs: float


def stages(steps: int, epochs: float) -> tuple[Stage, ...]:
    """Return `steps` stages whose epochs add up to exactly `epochs`.

    Each removes an equal part of the plan. If the epochs cannot be divided evenly, the later
    stages, with the smaller networks, get one more.
    """
    if not float(epochs).is_integer():
        return tuple(Stage((step + 1) / steps, epochs / steps) for step in range(steps))
    each, left = divmod(int(epochs), steps)
    return tuple(
        Stage(share=(step + 1) / steps, epochs=each + (step >= steps - left))
        for step in range(steps)
    )


def widths_between(
    start: Mapping[str, int],
    end: Mapping[str, int],
    share: float,
    *,
    spacing: Spacing = "linear",
) -> dict[str, int]:
    """Interpolate widths from `start` to `end` at `share`; exactly `end` at share 1.

    `linear`: equal shares remove equal numbers. `geometric`: equal shares remove equal fractions of
    the remaining channels.
    """
    if spacing == "geometric":
        shares = {n: end[n] / width if width else 1.0 for n, width in start.items()}
        return {n: round(width * shares[n] ** share) for n, width in start.items()}
    return {n: width - round(share * (width - end[n])) for n, width in start.items()}


def gradual_share(step: int, ramp_steps: int) -> float:
    """Return the share of the plan that is masked after `step` of `ramp_steps` training steps.

    The cubic ramp 1 - (1 - t)^3 rises quickly at first and slowly at the end: equation 1 of Zhu and
    Gupta 2017, "To prune, or not to prune", for a start at 0 and an end at 1.
    """
    time = min(step / ramp_steps, 1.0)
    return 1.0 - (1.0 - time) ** 3
