"""Which allocation of a size to take: the one that hurts least of several, before any training."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np

from paretoprune.results import TrialResult
from paretoprune.search.budget import Left
from paretoprune.search.moves import Choices, Ratios, even, exchanged

_NUM_LOOKS = 6  # at allocations of one size, where the budget is no time
_LOOK_SHARE = 0.05  # of a trial's seconds, where it is
_MOST_LOOKS = 24


def least_hurt(
    by_damage: Ratios,
    choices: Choices,
    *,
    start: Ratios,
    enough: Callable[[Ratios], bool],
    look: Callable[[Ratios], float],
    num_looks: int,
    random: np.random.Generator,
) -> Ratios:
    """Of so many allocations: the one by damage, an even one, and changes of the best so far."""
    if not enough(by_damage):
        return by_damage  # everything that may go, which leaves nothing to choose
    hurt_of = cache(lambda ratios: _or_infinite(look(dict(ratios))))
    best = min(
        by_damage,
        even(choices, start=start, enough=enough),
        key=lambda ratios: hurt_of(tuple(ratios.items())),
    )
    for _ in range(num_looks - 2):
        other = exchanged(best, choices, start=start, enough=enough, random=random)
        best = min(best, other, key=lambda ratios: hurt_of(tuple(ratios.items())))
    return best


def num_looks(last: TrialResult | None, left: Left, *, num_trials: int) -> int:
    """At how many allocations to look: as many as take a small part of a trial's time.

    `last` tells how long a look takes; so many trials are to come.
    """
    if left.budget.unit != "seconds":
        return _NUM_LOOKS
    seconds = last.seconds if last else {}
    each = seconds.get("prune", 0.0) + seconds.get("compensate", 0.0)
    if each <= 0:
        return 2
    affordable = int(_LOOK_SHARE * left.budget.amount / num_trials / each)
    return max(2, min(affordable, _MOST_LOOKS))


def _or_infinite(hurt: float) -> float:
    return math.inf if math.isnan(hurt) else hurt
