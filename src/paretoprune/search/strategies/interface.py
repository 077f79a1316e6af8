"""The interface of search strategies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from paretoprune.results import Job, Proposal, TrialResult
from paretoprune.search.budget.budget import RemainingBudget


@runtime_checkable
class Strategy(Protocol):
    """Chooses the candidates of a sweep, one at a time.

    The `_target_` of `search.strategy` is a class with these methods, or a function that returns
    one. It is called once per sweep with its options and, if it has a parameter of that name, with
    `context`, a `SearchContext`. All decisions must follow from these and from the arguments of the
    methods, so that a sweep that was interrupted continues as if it had not been.

    A class may set `traits`, a function is decorated with `declares`: `uses_gate_scores` ranks
    channels by the gradients of their gates, `trains_nested` trains smaller models within a trial,
    `compares_ranks` decides by results if ranks are searched, where `context.compares_ranks` is
    true (`low_rank=auto`).
    """

    def propose(
        self,
        number: int,
        results: Sequence[TrialResult],
        running: Sequence[Job],
        left: RemainingBudget,
    ) -> Proposal | None:
        """Return the candidate for trial `number`; None if it must wait for a running trial to end,
        or if there is none any more.

        `results` are the finished trials, `running` those under way and those that wait for others
        to end. The search ends when nothing runs and nothing is proposed.
        """

    def ending(self, results: Sequence[TrialResult], left: RemainingBudget) -> str:
        """Return why there are no more candidates, and what would allow more."""

    def needed(self, results: Sequence[TrialResult]) -> set[int]:
        """Return the trials, beside the front, whose weights later candidates start from."""
