"""Joint allocation of ranks and channels: several candidates of one size.

Compensation by the kept weights repairs much more of a lost component than of a lost channel, by an
amount that depends on network and size. So damage is compared only among ranks and only among
channels. The division of the saving between the two is left to a measurement of the pruned model.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence

from paretoprune.search.allocation.allocate import allocate
from paretoprune.search.allocation.mutation import uniform_step
from paretoprune.search.allocation.sensitivity import Damage
from paretoprune.search.allocation.sizes import Sizes

Ratios = Mapping[str, float]
Enough = Callable[[Ratios], bool]

_CHANNEL_SHARES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)  # of the logarithm of the size ratio
# Shares of the dense size down to which ranks alone are best, and from which channels alone are, on
# ResNet-20 and CIFAR-10 (docs/how-to/search-ranks.md).
_RANKS_ALONE, _CHANNELS_ALONE = 0.35, 0.02


def allocations(
    damage: Damage,
    sizes: Sizes,
    *,
    start: Ratios,
    target: float,
    enough: Enough,
    most: int = 2 * len(_CHANNEL_SHARES),
) -> list[dict[str, float]]:
    """Return the allocation by damage or, if ranks are searched, `most` divisions of the saving.

    The divisions between channels and ranks that are most likely the best at this size come first.
    All ratios are at least those of `start`. `enough` must imply a size of at most `target`. If
    nothing is `enough`, only the maximum is returned. There are no duplicates.
    """
    if not sizes.ranks:
        return [_within(damage, sizes, sizes.choices, start=start, enough=enough)]
    usual = usual_channel_share(target / sizes.dense)
    found: list[dict[str, float]] = []
    for share in sorted(_CHANNEL_SHARES, key=lambda share: abs(share - usual)):
        for uniform in (True, False):
            ratios = channels_then_ranks(
                damage,
                sizes,
                share=share,
                uniform=uniform,
                start=start,
                target=target,
                enough=enough,
            )
            if not enough(ratios):
                return [ratios]
            if ratios not in found:
                found.append(ratios)
            if len(found) == most:
                return found
    return found


def usual_channel_share(size: float) -> float:
    """Return the share of the saving that channels usually have at this share of the dense size."""
    if size <= _CHANNELS_ALONE:
        return 1.0
    share = math.log(_RANKS_ALONE / size) / math.log(_RANKS_ALONE / _CHANNELS_ALONE)
    return max(share, 0.0)


def channels_then_ranks(
    damage: Damage,
    sizes: Sizes,
    *,
    share: float,
    uniform: bool,
    start: Ratios,
    target: float,
    enough: Enough,
) -> dict[str, float]:
    """Remove channels down to the size dense x (target / dense)^share, then ranks.

    Ranks are removed until `enough` is true; with a share of 1, channels are. Where one kind is
    exhausted before, both are removed by damage. Sizes on the way count all layers as whole.
    Channels are removed uniformly or by damage.
    """
    half_way = sizes.dense * (target / sizes.dense) ** share
    channels = sizes.choices.keys() - set(sizes.ranks)
    saved: Enough = enough if share >= 1 else lambda ratios: sizes.size_of(ratios) <= half_way
    if uniform:
        choices = _only(sizes, channels)
        narrower: Ratios = uniform_step(choices, start=start, enough=saved)
    else:
        narrower = _within(damage, sizes, channels, start=start, enough=saved)
    lower = _within(damage, sizes, sizes.ranks, start=narrower, enough=enough)
    return _within(damage, sizes, sizes.choices, start=lower, enough=enough)


def _within(
    damage: Damage, sizes: Sizes, groups: Collection[str], *, start: Ratios, enough: Enough
) -> dict[str, float]:
    """Allocate by damage among these groups only; the others keep their ratios."""
    choices = _only(sizes, groups)
    return allocate(damage, choices, sizes.size_of, start=start, enough=enough, ranks=sizes.ranks)


def _only(sizes: Sizes, groups: Collection[str]) -> dict[str, Sequence[float]]:
    """Return the choices of these groups; the others have one."""
    return {
        name: rising if name in groups else rising[:1] for name, rising in sizes.choices.items()
    }


def nan_last(divergence: Callable[[Ratios], float]) -> Callable[[Ratios], float]:
    """Return the function with infinity in place of NaN, as the key of a minimum."""

    def key(ratios: Ratios) -> float:
        found = divergence(ratios)
        return math.inf if math.isnan(found) else found

    return key
