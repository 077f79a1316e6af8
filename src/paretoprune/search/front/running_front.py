"""An incremental Pareto front, updated trial by trial without revisiting earlier ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from paretoprune.metrics import Direction
from paretoprune.results import TrialResult
from paretoprune.results.trials import ModelKey, models_of
from paretoprune.search.front.front import as_costs, objective_values


class RunningFront:
    """The front of the trials added so far, in any order; gives the same keys as `front_of`."""

    def __init__(self, objectives: Mapping[str, Direction]) -> None:
        self._objectives = objectives
        self._members: list[tuple[int, str]] = []  # trial number and quantization, unordered
        self._costs = np.empty((0, len(objectives)))  # one row for each member
        self._ordered: list[tuple[int, str]] | None = []

    def add(self, result: TrialResult) -> None:
        """Add a trial: it and its quantized models may join the front, and remove members that
        they dominate."""
        for model in models_of([result]):
            values = objective_values(model.metrics, self._objectives)
            if model.state == "complete" and values is not None:
                self.put(model.number, values, quantization=model.quantization)

    def put(self, number: int, values: Sequence[float], *, quantization: str = "") -> None:
        """Add a model by the values of its objectives."""
        new, own = as_costs([values], list(self._objectives.values())), (number, quantization)
        no_worse = (self._costs <= new).all(axis=1)
        no_better = (self._costs >= new).all(axis=1)
        # Of equal points the lower number is kept.
        equal = np.flatnonzero(no_worse & no_better)
        if (no_worse & ~no_better).any() or any(self._members[place] < own for place in equal):
            return
        kept = np.logical_not(no_better).tolist()
        self._members = [m for m, keep in zip(self._members, kept, strict=True) if keep] + [own]
        self._costs = np.vstack([self._costs[kept], new])
        self._ordered = None

    def keys(self) -> tuple[ModelKey, ...]:
        """Return the keys of the models on the front, ordered by the last objective."""
        return tuple(f"{number}-{name}" if name else number for number, name in self._in_order())

    def numbers(self) -> tuple[int, ...]:
        """Return the numbers of the trials with a model on the front, each once, in its order."""
        return tuple(dict.fromkeys(number for number, _ in self._in_order()))

    def _in_order(self) -> list[tuple[int, str]]:
        if self._ordered is None:
            order = np.lexsort(self._costs.T)
            self._ordered = [self._members[place] for place in order]
        return self._ordered
