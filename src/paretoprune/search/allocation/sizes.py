"""The sizes of a search: from the dense model's down to the smallest candidate's."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from paretoprune.results import Budget

Ratios = Mapping[str, float]

# Of a model of half the width: with less, fewer sizes make the better front.
_EPOCHS_OF_A_SIZE = 6.0
_LEAST_SIZES = 4


@dataclass(frozen=True)
class Sizes:
    """What candidates weigh, and the ratios that there are for each group."""

    choices: Mapping[str, Sequence[float]]  # rising from 0, from `distinct_ratios`
    size_of: Callable[[Ratios], float]  # MACs or parameters, whichever is an objective
    macs_of: Callable[[Ratios], float]
    ranks: Collection[str] = ()  # the groups whose channels are components of factored layers

    @property
    def dense(self) -> float:
        """The size of the dense model."""
        return self.size_of(dict.fromkeys(self.choices, 0.0))

    @property
    def least(self) -> float:
        """The size of the smallest candidate."""
        return self.size_of({name: ratios[-1] for name, ratios in self.choices.items()})

    def between(self, share: float) -> float:
        """The size at so much of the way from dense (0) to least (1), in the logarithm."""
        size: float = self.dense * (self.least / self.dense) ** share
        return size

    def stretched(self, ratios: Ratios, size: float) -> dict[str, float]:
        """The ratios moved towards none or towards the largest, until the size is about `size`."""
        low, high = -1.0, 1.0
        for _ in range(30):
            middle = (low + high) / 2
            if self.size_of(self._moved(ratios, middle)) > size:
                low = middle
            else:
                high = middle
        return self._moved(ratios, high)

    def _moved(self, ratios: Ratios, share: float) -> dict[str, float]:
        """Towards 0 for a negative share, towards the largest ratio for a positive one."""
        if share < 0:
            return {name: ratio * (1 + share) for name, ratio in ratios.items()}
        return {n: r + share * (self.choices[n][-1] - r) for n, r in ratios.items()}


def affordable_sizes(most: int, budget: Budget | None, seconds_per_epoch: float | None) -> int:
    """How many sizes a sweep is worth: `most`, or fewer where the budget is short.

    A size should have six epochs of a model of half the width, which takes `seconds_per_epoch`;
    None: nobody knows. Four sizes are always tried. A budget of trials says how many by itself.
    """
    if budget is None or budget.unit == "trials":
        return most
    if budget.unit == "epochs":
        epochs = budget.amount
    elif seconds_per_epoch is not None:
        epochs = budget.amount / seconds_per_epoch
    else:
        return most
    return min(most, max(_LEAST_SIZES, int(epochs / _EPOCHS_OF_A_SIZE)))
