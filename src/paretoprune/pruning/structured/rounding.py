"""Rounding of pruning ratios to numbers of channels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from paretoprune.errors import PruningError
from paretoprune.pruning.groups import Group

_HALF = 0.5 + 1e-9  # rounds ties up despite binary representation error


def round_keep(width: int, ratio: float, *, divisor: int, min_channels: int) -> int:
    """Return the number of `width` channels that are kept at pruning ratio `ratio`.

    Ratio 0 keeps exactly `width`. Otherwise the result is the multiple of `divisor` nearest to
    `width * (1 - ratio)`, with ties rounded up, but at least the first multiple that is not below
    `min_channels` (never 0), and at most `width`. It is a multiple of `divisor` or `width` itself,
    and never grows with the ratio.

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
    """Return the number of units that make a multiple of `divisor` channels in every layer.

    A unit that is an attention head has several channels in each of its layers.
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
    """Return the width of every group at the given ratios; a group without a ratio stays whole.

    Layers keep a multiple of `divisor` channels, hence groups a multiple of `step_of` units. Groups
    with an entry in `steps` keep a multiple of that instead, without a minimum. A block is removed
    if its ratio is over 0.5.

    Raises:
        PruningError: a ratio is out of range, or names no group.
    """
    unknown = sorted(set(ratios) - {group.name for group in groups})
    if unknown:
        names = ", ".join(f"`{name}`" for name in unknown)
        raise PruningError(f"ratios are given for {names}, which is not a prunable group")
    kept = {}
    for group in groups:
        ratio = ratios.get(group.name, 0.0)
        own = (steps or {}).get(group.name)
        step, least = (own, 1) if own else (step_of(group, divisor), min_channels)
        whole = round_keep(group.width, ratio, divisor=step, min_channels=least)
        kept[group.name] = int(ratio <= 0.5) if group.block else whole
    return kept
