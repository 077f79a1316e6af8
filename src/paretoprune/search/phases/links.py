"""A warm chain: from the dense model to the smallest, each model starts from the one before.

The sizes are spaced evenly in their logarithm; without ranks each is that of a uniform candidate,
so that no uniform one stands alone between two links. All links get the same share of the budget,
in seconds where it is time: what trains a link trains all smaller ones, too.
Training adds up down the chain, so that a small model has been trained as long as all larger ones
together; nothing else gives as much at a small budget. The idea is NetAdapt's (Yang et al. 2018,
section 3), with sizes fixed beforehand. The allocation of each size is chosen by
`link_allocation`.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from paretoprune.results import Job, Proposal, TrialResult
from paretoprune.search.budget.budget import RemainingBudget, Training
from paretoprune.search.budget.plan import in_words
from paretoprune.search.context import Ratios, SearchContext
from paretoprune.search.phases.link_allocation import (
    Allocate,
    Step,
    least_divergent,
    num_evaluations,
    trained_number,
)
from paretoprune.search.phases.parallel_links import most_at_once, num_sizes_of, sizes_between
from paretoprune.search.phases.untrained_front import smallest_good_size

_log = logging.getLogger(__name__)

_FEW = 2  # models
_RUNG = 0.1  # of a link's time, for each of the two
SPARE = 0.1  # of a chain's budget, if its gaps are filled afterwards


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
    start: Ratios  # from which its child's ratios begin
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
            num_evaluations=num_evaluations(
                parent, left, num_links=len(plan.targets), ranks=bool(sizes.ranks)
            ),
            rung=self._rung(plan, left),
            between=plan.between,
        )
        ratios = self.allocate(self.context, step)
        left = left.of_workers(plan.at_once, begun.running)
        training = left.training(plan.share, macs=sizes.macs_of(ratios))
        return Proposal(
            ratios,
            self.origin,
            parent=trained_number(parent),
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
        start = self.context.sizes.start_of(parent.ratios if parent else None)
        ratios = [*([parent.ratios] if parent else []), *(job.ratios for job in under_way)]
        running = [job.number for job in under_way]
        top = smallest_good_size(results, self.context)
        size = min([top, *map(self.context.sizes.size_of, ratios)])
        return Begun(len(links) + len(running), running, parent, start, size, top)

    def _most_sizes(self, left: RemainingBudget) -> int:
        return self.context.affordable_sizes(num_sizes_of(self.num_sizes, left.workers))

    def _plan(self, begun: Begun, most: int, left: RemainingBudget) -> Plan:
        """The links to come: as many as the budget trains for a useful time, if any."""
        if left.budget.unit == "trials":
            return self._plan_of(begun, left.num_trials(0), left, self.spare)
        for num_left in range(self._below(begun.top, most) - begun.number, 0, -1):
            for spare in dict.fromkeys((self.spare, 0.0)):
                plan = self._plan_of(begun, num_left, left, spare)
                if plan.targets and min(plan.epochs) >= self.context.least_epochs:
                    return plan
        return NO_LINKS

    def _below(self, top: float, most: int) -> int:
        """The sizes of a chain, fewer where bits have come a part of the way down to the least."""
        sizes = self.context.sizes
        if self.context.quality.quantized is None or top >= sizes.dense or top <= sizes.least:
            return most
        share = math.log(top / sizes.least) / math.log(sizes.dense / sizes.least)
        return max(1, round(share * most))

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
        dense = self.context.sizes.macs_of(self.context.sizes.start_of(None))
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
        trained = trained_number(last)
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
        # Ranks reach every size; channels alone have few of the small ones.
        of_uniform = grid if sizes.ranks else [sizes.size_of(uniform(size)) for size in grid]
        between = sizes_between(grid, of_uniform) if workers > 1 else frozenset()
        found = {size for size in {*of_uniform, *between} if size < begun.size}
        return sorted(found, reverse=True), between


def _last_trained(links: Sequence[TrialResult]) -> TrialResult | None:
    """The last link that has weights, its own or those of the trial it repeats."""
    return next((r for r in reversed(links) if r.state == "duplicate" or r.curve), None)
