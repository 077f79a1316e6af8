"""From a ratio to a number of channels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from paretoprune.errors import PruningError
from paretoprune.pruning.groups import Group

_HALF = 0.5 + 1e-9  # a tie that binary fractions hit from below still goes up


def round_keep(width: int, ratio: float, *, divisor: int, min_channels: int) -> int:
    """How many of `width` channels stay when `ratio` of them is asked to go.

    Ratio 0 keeps exactly `width`. Otherwise the multiple of `divisor` nearest to
    `width * (1 - ratio)`, a tie going up, but at least the first multiple that is not below
    `min_channels` (never 0), and at most `width`. So the result is a multiple of `divisor` or
    `width` itself, and it never grows with the ratio.

    Raises:
        PruningError: `ratio` lies outside 0 to 1.
    """
    if not 0 <= ratio <= 1:
        raise PruningError(f"a ratio is the share of channels to remove, 0 to 1, not {ratio}")
    if ratio == 0:
        return width
    nearest = math.floor(width * (1 - ratio) / divisor + _HALF) * divisor
    least = math.ceil(max(min_channels, 1) / divisor) * divisor
    return min(max(nearest, least), width)


def step_of(group: Group, divisor: int) -> int:
    """The units of the group that make a multiple of `divisor` channels in every layer of it.

    A unit that is a head has several channels in each of its layers.
    """
    return divisor // math.gcd(divisor, group.common_per_channel)


def widths_for(
    groups: Sequence[Group],
    ratios: Mapping[str, float],
    *,
    divisor: int,
    min_channels: int,
    steps: Mapping[str, int] | None = None,
) -> dict[str, int]:
    """The width of every group at the given ratios; a group without a ratio stays whole.

    Layers keep a multiple of `divisor` channels, so groups one of `step_of` units. Groups of which
    `steps` names a step keep a multiple of that, and any number of it. A block goes where its ratio
    is over a half.

    Raises:
        PruningError: a ratio is out of range, or names no group.
    """
    unknown = sorted(set(ratios) - {group.name for group in groups})
    if unknown:
        names = ", ".join(f"`{name}`" for name in unknown)
        raise PruningError(f"ratios are given for {names}, which is no prunable group")
    kept = {}
    for group in groups:
        ratio = ratios.get(group.name, 0.0)
        own = (steps or {}).get(group.name)
        step, least = (own, 1) if own else (step_of(group, divisor), min_channels)
        whole = round_keep(group.width, ratio, divisor=step, min_channels=least)
        kept[group.name] = int(ratio <= 0.5) if group.block else whole
    return kept
