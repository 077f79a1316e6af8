"""The front of a growing list of trials, without looking at all of them again for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from paretoprune.results import Direction, TrialResult
from paretoprune.search.front import as_costs, objective_values

Costs = tuple[float, ...]  # every objective to be minimised


class RunningFront:
    """The numbers that `front_of` would give for the trials added so far, in any order."""

    def __init__(self, objectives: Mapping[str, Direction]) -> None:
        self._objectives = objectives
        self._costs: dict[int, Costs] = {}

    def add(self, result: TrialResult) -> None:
        """Take in a trial: it may join the front, and drive others out of it."""
        values = objective_values(result.metrics, self._objectives)
        if result.state == "complete" and values is not None:
            self.put(result.number, values)

    def put(self, number: int, values: Sequence[float]) -> None:
        """Take in a trial that may be on the front, by the values of its objectives."""
        [row] = as_costs([values], list(self._objectives.values()))
        costs = tuple(float(cost) for cost in row)
        if any(_beats(*member, costs, number) for member in self._members()):
            return
        beaten = [n for c, n in self._members() if _beats(costs, number, c, n)]
        for other in beaten:
            del self._costs[other]
        self._costs[number] = costs

    def numbers(self) -> tuple[int, ...]:
        """The front, ordered by the last objective."""
        return tuple(sorted(self._costs, key=lambda n: (self._costs[n][::-1], n)))

    def _members(self) -> list[tuple[Costs, int]]:
        return [(costs, number) for number, costs in self._costs.items()]


def _beats(costs: Costs, number: int, others: Costs, other: int) -> bool:
    """Whether a trial is at least as good in everything; of equals the lower number is better."""
    if costs == others:
        return number < other
    return all(mine <= theirs for mine, theirs in zip(costs, others, strict=True))
