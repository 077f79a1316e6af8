"""Choice of the allocation of one size: by a zero-cost proxy, and below by a short training.

Candidates are the allocation with the least damage, a uniform step, and mutations of the best;
where ranks are searched, divisions of the saving between ranks and channels. The one with the least
divergence before training is chosen. Below a tenth of the dense size, where the proxy misleads, it
must also be ahead of the uniform one after a short training of both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from paretoprune.results import TrialResult
from paretoprune.search.allocation.joint import allocations, nan_last
from paretoprune.search.allocation.mutation import swap, uniform_step, widened
from paretoprune.search.budget.budget import RemainingBudget, Training
from paretoprune.search.context import Ratios, SearchContext

_NUM_EVALUATIONS = 6  # of the proxy for one size, where the budget is no time
_PROXY_SHARE = 0.05  # of a link's seconds, where it is
_LEAST_EVALUATIONS, _LEAST_WITH_RANKS = 2, 4
_MOST_EVALUATIONS = 24
# Share of the dense size below which the proxy misleads: there a candidate must be better than the
# uniform one after training.
_MISLEADING = 0.1


@dataclass(frozen=True)
class Step:
    """The next link, of which the ratios are to be chosen."""

    number: int  # of the trial
    parent: TrialResult | None  # whose model is pruned; None: the dense model
    start: Ratios  # of the parent, which the link's must not fall below
    target: float  # size of the link
    enough: Callable[[Ratios], bool]  # True at the link's size or below, within the limits
    num_evaluations: int  # evaluations of the proxy that the budget allows
    rung: Training | None = None  # of a candidate beside others; None: too short to be of use
    between: bool = False  # no uniform candidate has this size


Allocate = Callable[[SearchContext, Step], Ratios]


def least_divergent(context: SearchContext, step: Step) -> Ratios:
    """The allocation with the least divergence before training, of `num_evaluations`."""
    choices, start, enough = context.sizes.choices, step.start, step.enough
    damage = context.damage(step.parent)
    found = allocations(
        damage,
        context.sizes,
        start=start,
        target=step.target,
        enough=enough,
        most=step.num_evaluations,
    )
    if not enough(found[0]):
        return found[0]  # everything that may go, which leaves nothing to choose
    uniform = dict(
        widened(
            uniform_step(choices, start=start, enough=enough),
            choices,
            start=start,
            enough=enough,
            saved=lambda name, ratio, wider: damage.at(name, ratio) - damage.at(name, wider),
        )
    )
    if not context.sizes.ranks:
        found.insert(0, uniform)  # first, so that it is taken where nothing is better by the proxy
    divergence_of = cache(lambda ratios: _divergence(context, step.parent, dict(ratios)))
    random = np.random.default_rng((context.seed, step.number))
    best: Ratios = min(found, key=lambda ratios: divergence_of(tuple(ratios.items())))
    for _ in range(step.num_evaluations - len(found)):
        other = swap(best, choices, start=start, enough=enough, random=random)
        best = min(best, other, key=lambda ratios: divergence_of(tuple(ratios.items())))
    misleads = step.target < _MISLEADING * context.sizes.dense and not step.between
    if misleads and not context.sizes.ranks:
        return _confirmed(context, step, best, uniform)
    return best


def _confirmed(context: SearchContext, step: Step, best: Ratios, uniform: Ratios) -> Ratios:
    """The better one after a short training; the uniform one if there is no time for that."""
    if best == uniform or context.rung is None or step.rung is None:
        return uniform
    parent = trained_number(step.parent)
    losses = [context.rung(parent, ratios, step.rung) for ratios in (uniform, best)]
    return best if losses[1] < losses[0] else uniform


def _divergence(context: SearchContext, parent: TrialResult | None, ratios: Ratios) -> float:
    return nan_last(partial(context.proxy, trained_number(parent)))(ratios)


def num_evaluations(
    parent: TrialResult | None, left: RemainingBudget, *, num_links: int, ranks: bool
) -> int:
    """Return the number of allocations to compare, which take a small part of the link's time."""
    least = _LEAST_WITH_RANKS if ranks else _LEAST_EVALUATIONS
    if left.budget.unit != "seconds":
        return _NUM_EVALUATIONS
    seconds = parent.seconds if parent else {}
    each = seconds.get("prune", 0.0) + seconds.get("compensate", 0.0)
    if each <= 0:
        return least
    affordable = int(_PROXY_SHARE * left.budget.amount / num_links / each)
    return max(least, min(affordable, _MOST_EVALUATIONS))


def trained_number(link: TrialResult | None) -> int | None:
    """The trial that has the link's weights: itself, or the one that it is a duplicate of."""
    if link is None:
        return None
    return link.number if link.duplicate_of is None else link.duplicate_of
