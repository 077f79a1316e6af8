"""Allocations of one size where ranks can go as well as channels: several shares of the saving.

Kept weights make up for much more of a lost component than of a lost channel, by how much depends
on network and size. So damages are compared among ranks and among channels only, and which share
of the saving is the channels' is left to a measure of the whole cut, which tells what was repaired.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from paretoprune.search.allocation.sensitivity import Damage, allocate
from paretoprune.search.allocation.sizes import Sizes

Ratios = Mapping[str, float]
Enough = Callable[[Ratios], bool]

_CHANNEL_SHARES = (0.0, 0.25, 0.5)  # of what is saved; each takes a pass of the proxy


def allocations(
    damage: Damage, sizes: Sizes, *, start: Ratios, target: float, enough: Enough
) -> list[dict[str, float]]:
    """By the damage to all groups at once; where there are ranks, also by shares of the saving.

    All remove at least what `start` does. `enough` must imply a size of at most `target`. Only the
    first may not be `enough`, where nothing is; equal ones are there once.
    """
    found = [_within(damage, sizes, sizes.choices, start=start, enough=enough)]
    if not sizes.ranks or not enough(found[0]):
        return found
    for share in _CHANNEL_SHARES:
        ratios = channels_then_ranks(
            damage, sizes, share=share, start=start, target=target, enough=enough
        )
        if enough(ratios) and ratios not in found:
            found.append(ratios)
    return found


def channels_then_ranks(
    damage: Damage, sizes: Sizes, *, share: float, start: Ratios, target: float, enough: Enough
) -> dict[str, float]:
    """Channels until they have saved `share` of what is to be saved, then ranks until `enough`.

    With a share of 1, channels until `enough`. Where there are too few of one kind, less goes.
    """
    whole = sizes.size_of(start)
    half_way = whole - share * (whole - target)
    channels = sizes.choices.keys() - set(sizes.ranks)
    saved: Enough = enough if share >= 1 else lambda ratios: sizes.size_of(ratios) <= half_way
    narrower = _within(damage, sizes, channels, start=start, enough=saved)
    return _within(damage, sizes, sizes.ranks, start=narrower, enough=enough)


def _within(
    damage: Damage, sizes: Sizes, groups: Collection[str], *, start: Ratios, enough: Enough
) -> dict[str, float]:
    """By the damage to these groups; the others stay."""
    choices = {
        name: rising if name in groups else rising[:1] for name, rising in sizes.choices.items()
    }
    return allocate(damage, choices, sizes.size_of, start=start, enough=enough, ranks=sizes.ranks)
