"""Greedy allocation: remove what does the least damage per size saved.

Evaluating every group at every step takes seconds for a network of fifty groups, since a size costs
a fraction of a millisecond. As in lazy greedy selection (Minoux 1978, Accelerated Greedy Algorithms
for Maximizing Submodular Set Functions), the prices of earlier steps are lower bounds: a group
saves less, the narrower the layers around it are. Only the cheapest offers are priced anew.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from paretoprune.search.allocation.sensitivity import Damage

Ratios = Mapping[str, float]

_NUM_FIRST_RANKS = 6  # ranks offered for the first factorization of a layer, about
_WHOLE = 1.0  # ratio at which a block is removed, and nothing inside it saves anything


class _Offer(NamedTuple):
    """The step of one group to a larger ratio, ordered by price, then by name."""

    price: float  # damage per size saved
    name: str
    ratio: float
    size: float  # after the step
    step: int  # at which the price was computed


def allocate(
    damage: Damage,
    choices: Mapping[str, Sequence[float]],
    size_of: Callable[[Ratios], float],
    *,
    start: Ratios,
    enough: Callable[[Ratios], bool],
    ranks: Collection[str] = (),
) -> dict[str, float]:
    """From `start`, remove what does the least damage per size saved, until `enough` is true.

    Greedy: each step moves one group to the next of its `choices` (from `distinct_ratios`). Ratios
    only grow, so allocations for decreasing targets are nested if each starts from the previous
    one. If `enough` never becomes true, the maximum is removed.

    Groups in `ranks` may skip choices in the step from the full layer to its first factored form:
    the largest rank below break-even loses components and saves almost nothing, so that no layer
    would ever be factored one choice at a time. With them a price can also fall, where a factored
    layer is narrowed past its break-even rank; such a step may then come later than in the order
    of exact prices.
    """
    ratios = dict(start)
    size, step = size_of(ratios), 0

    def priced(name: str, ratio: float) -> _Offer:
        smaller = size_of({**ratios, name: ratio})
        more = damage.at(name, ratio) - damage.at(name, ratios[name])
        # A start between two choices may have the size of the next one: that step is free.
        price = more / (size - smaller) if smaller < size else -math.inf
        return _Offer(price, name, ratio, smaller, step)

    def offers(names: Collection[str]) -> list[_Offer]:
        steps = _next_steps(ratios, {name: choices[name] for name in names}, ranks)
        return [priced(name, ratio) for name, ratio in steps]

    heap: list[_Offer] | None = None
    while not enough(ratios):
        if heap is None:
            heap = offers(choices.keys())
            heapq.heapify(heap)
        while heap and heap[0].step < step:
            heapq.heapreplace(heap, priced(heap[0].name, heap[0].ratio))
        if not heap:
            break
        _, name, ratios[name], size, _ = heap[0]
        step += 1
        if ratios[name] >= _WHOLE:
            heap = None
            continue
        heap = [offer for offer in heap if offer.name != name]
        heap += offers([name])
        heapq.heapify(heap)
    return ratios


def _next_steps(
    ratios: Ratios, choices: Mapping[str, Sequence[float]], ranks: Collection[str]
) -> Iterator[tuple[str, float]]:
    """Yield the next larger ratio of every group that has one; for unfactored layers several."""
    for name, rising in choices.items():
        larger = [ratio for ratio in rising if ratio > ratios[name]]
        if name in ranks and ratios[name] < rising[min(1, len(rising) - 1)]:
            every = max(1, len(larger) // _NUM_FIRST_RANKS)
            yield from ((name, ratio) for ratio in larger[::every])
        elif larger:
            yield name, larger[0]
