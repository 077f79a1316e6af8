"""A warm chain: from the dense model to the smallest, each model starts from the one before.

The sizes are spaced evenly in their logarithm, each that of a uniform candidate, so that no uniform
one stands alone between two links; and all links get the same share of the budget, in seconds where
it is time: what trains a link trains all smaller ones, too.
Training adds up down the chain, so that a small model has been trained as long as all larger ones
together; nothing else gives as much at a small budget. The idea is NetAdapt's (Yang et al. 2018,
section 3), with sizes fixed beforehand. For each size several allocations are compared by the
proxy before training: the one with the least damage, where ranks are searched also divisions of the
saving between ranks and channels, a uniform step, and mutations of the best. Below a tenth of the
dense size, where the proxy misleads, the best must also be ahead of the uniform one after a short
training of both, or it is dropped.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from paretoprune.results import Job, Proposal, TrialResult
from paretoprune.search.allocation.joint import allocations, nan_last
from paretoprune.search.allocation.mutation import swap, uniform_step
from paretoprune.search.budget.budget import RemainingBudget, Training
from paretoprune.search.budget.plan import in_words
from paretoprune.search.context import Ratios, SearchContext
from paretoprune.search.phases.parallel_links import most_at_once, num_sizes_of, sizes_between
from paretoprune.search.phases.untrained_front import smallest_good_size

_log = logging.getLogger(__name__)

_NUM_LOOKS = 6  # at allocations of one size, where the budget is no time
_LOOK_SHARE = 0.05  # of a link's seconds, where it is
_MOST_LOOKS = 24
_FEW = 2  # models
# Share of the dense size below which the proxy misleads: there a candidate must be better than the
# uniform one after training.
_MISLEADING = 0.1
_RUNG = 0.1  # of a link's time, for each of the two
SPARE = 0.1  # of a chain's budget, if its gaps are filled afterwards


@dataclass(frozen=True)
class Step:
    """The next link, of which the ratios are to be chosen."""

    number: int  # of the trial
    parent: TrialResult | None  # whose model is pruned; None: the dense model
    start: Ratios  # of the parent, which the link's must not fall below
    target: float  # size of the link
    enough: Callable[[Ratios], bool]  # True at the link's size or below, within the limits
    num_looks: int  # evaluations of the proxy that the budget allows
    rung: Training | None = None  # of a candidate beside others; None: too short to be of use
    between: bool = False  # no uniform candidate has this size


Allocate = Callable[[SearchContext, Step], Ratios]


def least_divergent(context: SearchContext, step: Step) -> Ratios:
    """The allocation with the least divergence before training, of `num_looks`."""
    choices, start, enough = context.sizes.choices, step.start, step.enough
    damage = context.damage(step.parent)
    found = allocations(
        damage, context.sizes, start=start, target=step.target, enough=enough, most=step.num_looks
    )
    if not enough(found[0]):
        return found[0]  # everything that may go, which leaves nothing to choose
    uniform = dict(uniform_step(choices, start=start, enough=enough))
    if not context.sizes.ranks:
        found.insert(0, uniform)  # first, so that it is taken where nothing is better by the proxy
    divergence_of = cache(lambda ratios: _divergence(context, step.parent, dict(ratios)))
    random = np.random.default_rng((context.seed, step.number))
    best: Ratios = min(found, key=lambda ratios: divergence_of(tuple(ratios.items())))
    for _ in range(step.num_looks - len(found)):
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
    parent = _trained(step.parent)
    losses = [context.rung(parent, ratios, step.rung) for ratios in (uniform, best)]
    return best if losses[1] < losses[0] else uniform


def _divergence(context: SearchContext, parent: TrialResult | None, ratios: Ratios) -> float:
    return nan_last(partial(context.proxy, _trained(parent)))(ratios)


@dataclass(frozen=True)
class Plan:
    """The links to come, which get the same time each."""

    targets: tuple[float, ...]  # sizes, decreasing
    share: float  # of the next link in the remaining budget
    epochs: tuple[float, ...]  # predicted: of the links, and of what is left to later phases
    at_once: int = 1  # links that may run at the same time
    between: bool = False  # the next link has a size between those of two uniform candidates


@dataclass(frozen=True)
class Begun:
    """The links so far: those that are finished, and those that run."""

    number: int
    running: Sequence[int]  # the numbers of the trials that run
    parent: TrialResult | None  # the smallest that is finished; None: the dense model
    start: Ratios  # its ratios
    size: float  # of the smallest, finished or running
    top: float  # the size below which the chain begins


NO_LINKS = Plan((), 0.0, ())


@dataclass(frozen=True)
class Links:
    """At most `num_sizes` models, each pruned from the one before, by `allocate`."""

    context: SearchContext
    origin: str
    num_sizes: int
    allocate: Allocate = least_divergent
    spare: float = 0.0  # of the chain's budget, beside it, which is left to who comes after it

    def propose(
        self,
        number: int,
        results: Sequence[TrialResult],
        running: Sequence[Job],
        left: RemainingBudget,
    ) -> Proposal | None:
        """The next smaller link, pruned from the smallest that is finished; see `parallel_links`.

        With one worker it waits for the link before it.
        """
        under_way = self._under_way(running)
        if len(under_way) >= left.workers:
            return None
        sizes, begun = self.context.sizes, self._begun(results, under_way)
        parent, start = begun.parent, begun.start
        most = self._most_sizes(left)  # may take a while at first
        left = left.now()
        plan = self._plan(begun, most, left)
        if not plan.targets or len(under_way) >= plan.at_once:
            return None
        if not begun.number:
            self._log_plan(plan, left)
        step = Step(
            number,
            parent,
            start,
            plan.targets[0],
            enough=lambda r: sizes.size_of(r) <= plan.targets[0] and self.context.fits(r),
            num_looks=_num_looks(parent, left, num_links=len(plan.targets)),
            rung=self._rung(plan, left),
            between=plan.between,
        )
        ratios = self.allocate(self.context, step)
        left = left.of_workers(plan.at_once, begun.running)
        training = left.training(plan.share, macs=sizes.macs_of(ratios))
        return Proposal(
            ratios,
            self.origin,
            parent=_trained(parent),
            epochs=training.epochs,
            seconds=training.seconds,
        )

    def waits(
        self, results: Sequence[TrialResult], running: Sequence[Job], left: RemainingBudget
    ) -> bool:
        """True while links run and smaller ones are to come; with one worker, while one runs."""
        under_way = self._under_way(running)
        if not under_way or left.workers == 1:
            return bool(under_way)
        begun = self._begun(results, under_way)
        return bool(self._plan(begun, self._most_sizes(left), left).targets)

    def _under_way(self, running: Sequence[Job]) -> list[Job]:
        return [job for job in running if job.origin == self.origin]

    def _begun(self, results: Sequence[TrialResult], under_way: Sequence[Job]) -> Begun:
        links = [result for result in results if result.origin == self.origin]
        parent = _last_trained(links)
        start = parent.ratios if parent else dict.fromkeys(self.context.sizes.choices, 0.0)
        sizes = map(self.context.sizes.size_of, [start, *(job.ratios for job in under_way)])
        running = [job.number for job in under_way]
        top = smallest_good_size(results, self.context)
        return Begun(len(links) + len(running), running, parent, start, min(*sizes, top), top)

    def _most_sizes(self, left: RemainingBudget) -> int:
        return self.context.affordable_sizes(num_sizes_of(self.num_sizes, left.workers))

    def _plan(self, begun: Begun, most: int, left: RemainingBudget) -> Plan:
        """The links to come: as many as the budget trains for a useful time, if any."""
        if left.budget.unit == "trials":
            return self._plan_of(begun, left.num_trials(0), left, self.spare)
        for num_left in range(most - begun.number, 0, -1):
            for spare in dict.fromkeys((self.spare, 0.0)):
                plan = self._plan_of(begun, num_left, left, spare)
                if plan.targets and min(plan.epochs) >= self.context.least_epochs:
                    return plan
        return NO_LINKS

    def _plan_of(self, begun: Begun, num_left: int, left: RemainingBudget, spare: float) -> Plan:
        """Return the plan for a number of links to come; sizes that fall together are one."""
        num_done, num_sizes = begun.number, begun.number + num_left
        # Of one or two models none is the smallest, which would take the most training.
        steps = num_sizes + (num_sizes <= _FEW and left.budget.unit != "trials")
        targets, between = self._targets(begun, num_sizes, steps, left.workers)
        if not targets:
            return NO_LINKS
        at_once = most_at_once(num_done + len(targets), left.workers)
        left = left.of_workers(at_once, begun.running)
        extra = spare * (num_done + len(targets))
        share = 1 / (len(targets) + extra)
        macs = [self.context.sizes.macs_of(self.context.uniform_of_size(t)) for t in targets]
        epochs = [left.epochs(share, macs=each) for each in macs]
        # The widest gap may be next to the dense model, whose size takes most time.
        dense = self.context.sizes.macs_of(dict.fromkeys(self.context.sizes.choices, 0.0))
        rest = [left.epochs(share * extra, macs=dense)] if extra else []
        return Plan(tuple(targets), share, (*epochs, *rest), at_once, targets[0] in between)

    def _rung(self, plan: Plan, left: RemainingBudget) -> Training | None:
        """The training of a candidate that is compared, if a budget of time has room for it."""
        if left.budget.unit != "seconds" or left.workers > 1:  # all of them would wait for it
            return None
        sizes = self.context.sizes
        macs = sizes.macs_of(self.context.uniform_of_size(plan.targets[0]))
        share = _RUNG * plan.share
        enough = left.epochs(share, macs=macs) >= self.context.least_epochs
        return left.training(share, macs=macs) if enough else None

    def _log_plan(self, plan: Plan, left: RemainingBudget) -> None:
        if left.budget.unit != "trials":
            epochs = plan.epochs[: len(plan.targets)]
            _log.info("the plan: %s", in_words(epochs, unit=left.budget.unit))

    def ending(self, results: Sequence[TrialResult], left: RemainingBudget) -> str:
        """It has come to its smallest size, or to the last that the budget is worth."""
        return (
            "the chain has a model of each of its sizes; a sweep with a larger `search.max_ratio` "
            "has smaller ones"
        )

    def needed(self, results: Sequence[TrialResult]) -> set[int]:
        """The last link, and smaller trials that are no links: a link may come to repeat one."""
        sizes = self.context.sizes
        last = _last_trained([r for r in results if r.origin == self.origin])
        size = sizes.size_of(last.ratios) if last else float("inf")
        others = {
            r.number
            for r in results
            if r.origin != self.origin and r.curve and sizes.size_of(r.ratios) < size
        }
        trained = _trained(last)
        return others if trained is None else others | {trained}

    def _targets(
        self, begun: Begun, num_sizes: int, steps: int, workers: int
    ) -> tuple[list[float], Collection[float]]:
        """The sizes to come, falling, and which of them are between two uniform ones.

        Steps are coarse: a link that overshot may have had some.
        """
        shares = [number / steps for number in range(begun.number + 1, num_sizes + 1)]
        sizes, uniform = self.context.sizes, self.context.uniform_of_size
        grid = [begun.top * (sizes.least / begun.top) ** share for share in shares]
        of_uniform = [sizes.size_of(uniform(size)) for size in grid]
        between = sizes_between(grid, of_uniform) if workers > 1 else frozenset()
        found = {size for size in {*of_uniform, *between} if size < begun.size}
        return sorted(found, reverse=True), between


def _last_trained(links: Sequence[TrialResult]) -> TrialResult | None:
    """The last link that has weights, its own or those of the trial it repeats."""
    return next((r for r in reversed(links) if r.state == "duplicate" or r.curve), None)


def _trained(link: TrialResult | None) -> int | None:
    """The trial that has the link's weights: itself, or the one that it is a duplicate of."""
    if link is None:
        return None
    return link.number if link.duplicate_of is None else link.duplicate_of


def _num_looks(parent: TrialResult | None, left: RemainingBudget, *, num_links: int) -> int:
    """Return the number of allocations to compare, which take a small part of the link's time."""
    if left.budget.unit != "seconds":
        return _NUM_LOOKS
    seconds = parent.seconds if parent else {}
    each = seconds.get("prune", 0.0) + seconds.get("compensate", 0.0)
    if each <= 0:
        return 2
    affordable = int(_LOOK_SHARE * left.budget.amount / num_links / each)
    return max(2, min(affordable, _MOST_LOOKS))
