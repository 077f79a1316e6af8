"""Joint allocation of ranks and channels: several candidates of one size.

Compensation by the kept weights repairs much more of a lost component than of a lost channel, by an
amount that depends on network and size. So damage is compared only among ranks and only among
channels. The division of the saving between the two is left to a measurement of the pruned model.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping

from paretoprune.search.allocation.allocate import allocate
from paretoprune.search.allocation.sensitivity import Damage
from paretoprune.search.allocation.sizes import Sizes

Ratios = Mapping[str, float]
Enough = Callable[[Ratios], bool]

_CHANNEL_SHARES = (0.0, 0.25, 0.5)  # of the saving; each costs one evaluation of the proxy


def allocations(
    damage: Damage, sizes: Sizes, *, start: Ratios, target: float, enough: Enough
) -> list[dict[str, float]]:
    """Return the allocation by damage and, if ranks are searched, some divisions of the saving.

    All ratios are at least those of `start`. `enough` must imply a size of at most `target`. If
    nothing is `enough`, only the maximum is returned. There are no duplicates.
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
    """Remove channels until they save `share` of the difference to `target`, then ranks.

    Ranks are removed until `enough` is true; with a share of 1, channels are. The result can be
    larger than `target` if either kind is exhausted.
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
    """Allocate by damage among these groups only; the others keep their ratios."""
    choices = {
        name: rising if name in groups else rising[:1] for name, rising in sizes.choices.items()
    }
    return allocate(damage, choices, sizes.size_of, start=start, enough=enough, ranks=sizes.ranks)


def nan_last(divergence: Callable[[Ratios], float]) -> Callable[[Ratios], float]:
    """Return the function with infinity in place of NaN, as the key of a minimum."""

    def key(ratios: Ratios) -> float:
        found = divergence(ratios)
        return math.inf if math.isnan(found) else found

    return key
