"""Reasons why a search ends, as sentences for the user, with the setting that would continue it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from paretoprune.config.groups.search import SearchSettings
from paretoprune.results import Budget, TrialResult


def budget_of(search: SearchSettings) -> Budget:
    """Return the budget of a search; without one, its number of trials."""
    return search.budget or Budget(search.n_trials, "trials")


@dataclass(frozen=True)
class Ending:
    """Sentences of one search, whose first `num_first` trials are baselines."""

    search: SearchSettings
    num_first: int

    def spent(self, left: Budget, results: Sequence[TrialResult]) -> str:
        """Return the sentence that the budget is used up."""
        budget = budget_of(self.search)
        used = f"{_number(budget.amount - left.amount, budget)} of {in_words(budget)}"
        return f"its budget is spent, {used}{self._counted(results)}; {self._more}"

    def too_little_left(self, left: Budget, needed: float) -> str:
        """Return the sentence that the remaining budget is too small for the next trial."""
        return (
            f"{in_words(left)} are left of its budget of {in_words(budget_of(self.search))}, and "
            f"the next trial needs {_number(needed, left)} or more; {self._more}"
        )

    def all_tried(self, num_proposals: int) -> str:
        """Return the sentence that the strategy proposes only trials that are recorded."""
        return (
            f"its last {num_proposals} proposals were architectures that are on record or over a "
            "limit, so that few or none can be left; a sweep with a larger `search.max_ratio`, a "
            "smaller `sparsity.divisor` or looser limits has more"
        )

    def nothing_searched(self, results: Sequence[TrialResult]) -> str | None:
        """Return a sentence if the budget left no model to the search, else None."""
        if any(r.state == "complete" and r.number >= self.num_first for r in results):
            return None
        budget = budget_of(self.search)
        first = [result for result in results if result.number < self.num_first]
        used = sum(_cost(result, budget) for result in first)
        return (
            "no model was searched: the dense model and the baselines took "
            f"{in_words(Budget(used, budget.unit))}; raise `{self._name}` well above that and add "
            "`search.extend=true`, or ask for fewer `search.baseline_ratios`"
        )

    def _counted(self, results: Sequence[TrialResult]) -> str:
        """Return a number of trials in words, with its parts."""
        if budget_of(self.search).unit != "trials":
            return ""
        run = [result for result in results if not result.was_settled]
        searched = sum(result.number >= self.num_first for result in run)
        free = len(results) - len(run)
        rest = f"; {free} that needed no training are not counted" if free else ""
        return f" ({searched} searched and {len(run) - searched} before them{rest})"

    @property
    def _more(self) -> str:
        return f"to go on, raise `{self._name}` and add `search.extend=true`"

    @property
    def _name(self) -> str:
        return "search.budget" if self.search.budget else "search.n_trials"


def in_words(budget: Budget) -> str:
    """Return an amount with its unit."""
    unit = "s" if budget.unit == "seconds" else budget.unit
    return f"{_number(budget.amount, budget)} {unit}"


def _number(amount: float, budget: Budget) -> str:
    whole = budget.unit == "trials" or amount >= 100
    return f"{amount:.0f}" if whole else f"{amount:.3g}"


def _cost(result: TrialResult, budget: Budget) -> float:
    if budget.unit == "trials":
        return not result.was_settled
    return result.epochs if budget.unit == "epochs" else sum(result.seconds.values())
