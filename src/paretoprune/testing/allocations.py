"""The contract of an allocation, asserted on a network that is a formula."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from itertools import pairwise

from paretoprune.results import GroupInfo
from paretoprune.search.allocation.methods.interface import Allocation, AllocationContext, Ratios
from paretoprune.search.allocation.sensitivity import Sensitivity, distinct_ratios

_GROUPS = (
    *(GroupInfo("first", 8), GroupInfo("second", 16)),
    *(GroupInfo("capped", 16, max_ratio=0.5), GroupInfo("last", 32)),
)
_DENSE = dict.fromkeys((group.name for group in _GROUPS), 0.0)
_MAX_RATIO = 0.9
_SHARES = (0.9, 0.7, 0.5, 0.3)  # of the dense size
_MOST_PLACES = 40  # of a path that are compared


def check_allocation(allocation: Allocation) -> None:
    """Raise AssertionError where an allocation does not keep its contract.

    The path leads from the dense model down to a smaller one, removes at least as much of every
    group at each place, keeps to the caps, and is the same in every call. A size is met wherever
    the smallest candidate of the path is small enough, by all the groups within their caps.
    """
    context = _context()
    path, again = allocation.path(context), allocation.path(context)
    assert path.length > 1, "the path has the dense model alone"
    assert path.length == again.length, "not deterministic"
    last = path.length - 1
    places = sorted({*range(0, last, max(1, last // _MOST_PLACES)), last})
    found = [path.at(place) for place in places]
    assert found == [again.at(place) for place in places], "not deterministic"
    for ratios in found:
        _check_ratios(ratios)
    assert found[0] == _DENSE, f"the path begins with {found[0]}"
    for before, after in pairwise(found):
        assert all(after[name] >= before[name] for name in before), "a group becomes wider"
    least = context.size_of(found[-1])
    assert least < context.size_of(_DENSE), "the path removes nothing"
    for share in _SHARES:
        _check_size(allocation, context, share * context.size_of(_DENSE), least)


def _check_size(
    allocation: Allocation, context: AllocationContext, most: float, least: float
) -> None:
    ratios = allocation.of_size(context, most)
    _check_ratios(ratios)
    size = context.size_of(ratios)
    assert size <= max(most, least), f"a size of at most {most:g} was asked for, not {size:g}"
    assert dict(allocation.of_size(context, most)) == dict(ratios), "not deterministic"


def _check_ratios(ratios: Ratios) -> None:
    assert ratios.keys() == _DENSE.keys(), f"the ratios are of {', '.join(ratios)}"
    for group in _GROUPS:
        most, ratio = group.most(_MAX_RATIO), ratios[group.name]
        assert 0 <= ratio <= most, f"{group.name} loses {ratio:g}, at most {most:g} is allowed"


def _context() -> AllocationContext:
    """Return a chain of layers whose size is the sum of the products of neighbouring widths."""
    levels = (0.0, 0.25, 0.5, 0.75, 1.0)
    damage = {g.name: tuple((i + 1) * at**2 for at in levels) for i, g in enumerate(_GROUPS)}
    return AllocationContext(
        groups=_GROUPS,
        max_ratio=_MAX_RATIO,
        scores={g.name: [2 * (i + 1) / (g.width + 1) for i in range(g.width)] for g in _GROUPS},
        shapes={
            g.name: [(g.width, before.width, 3, 3)]
            for before, g in zip((_GROUPS[0], *_GROUPS), _GROUPS, strict=False)
        },
        size_of=_size_of,
        widths_of=_widths_of,
        choices=cache(lambda: distinct_ratios(_GROUPS, _widths_of, max_ratio=_MAX_RATIO)),
        sensitivity=lambda: Sensitivity(levels, damage),
    )


def _widths_of(ratios: Ratios) -> Mapping[str, int]:
    return {g.name: max(1, round(g.width * (1 - ratios.get(g.name, 0.0)))) for g in _GROUPS}


def _size_of(ratios: Ratios) -> float:
    widths = [*_widths_of(ratios).values()]
    return float(sum(wide * next_wide for wide, next_wide in pairwise([3, *widths, 10])))
