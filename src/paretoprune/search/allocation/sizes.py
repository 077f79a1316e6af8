"""The range of sizes of a search, from the dense model to the smallest candidate."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from paretoprune.results import Budget

Ratios = Mapping[str, float]

# Epochs of a model of half the width. With fewer per size, a smaller number of sizes gives the
# better front.
_EPOCHS_OF_A_SIZE = 6.0
_LEAST_SIZES = 4


@dataclass(frozen=True)
class Sizes:
    """The size function of a search, and the allowed ratios of each group.

    Made once per sweep from the problem and passed to the strategies. Sizes are MACs or parameters,
    whichever is an objective, of a candidate given as ratios by group name. They are exact and are
    computed without building a model. A size never grows as a ratio grows.
    """

    choices: Mapping[str, Sequence[float]]  # increasing from 0, from `distinct_ratios`
    size_of: Callable[[Ratios], float]  # MACs or parameters, whichever is an objective
    macs_of: Callable[[Ratios], float]
    ranks: Collection[str] = ()  # groups whose channels are components of factored layers

    @property
    def dense(self) -> float:
        """The size of the dense model."""
        return self.size_of(self.start_of(None))

    @property
    def least(self) -> float:
        """The size of the smallest candidate, by channels alone where ranks are searched, too."""
        whole = self.ranks if len(self.ranks) < len(self.choices) else ()
        return self.size_of(
            {name: 0.0 if name in whole else ratios[-1] for name, ratios in self.choices.items()}
        )

    def start_of(self, parent: Ratios | None) -> dict[str, float]:
        """Return the least ratios of a child of the parent; of one of the dense model for None.

        Channels that the parent has lost are gone; its layers are whole again, since a child's
        are factored anew.
        """
        if parent is None:
            return dict.fromkeys(self.choices, 0.0)
        return {name: 0.0 if name in self.ranks else ratio for name, ratio in parent.items()}

    def without_ranks(self) -> Sizes:
        """Return the sizes of a search in which all layers stay whole."""
        return replace(
            self,
            choices={n: c[:1] if n in self.ranks else c for n, c in self.choices.items()},
            ranks=(),
        )

    def between(self, share: float) -> float:
        """Return the size at a fraction of the way from dense (0) to least (1), on a log scale."""
        size: float = self.dense * (self.least / self.dense) ** share
        return size

    def stretched(self, ratios: Ratios, size: float) -> dict[str, float]:
        """Return the ratios scaled towards 0 or towards the maximum, until the size is about
        `size`."""
        low, high = -1.0, 1.0
        for _ in range(30):
            middle = (low + high) / 2
            if self.size_of(self._moved(ratios, middle)) > size:
                low = middle
            else:
                high = middle
        return self._moved(ratios, high)

    def _moved(self, ratios: Ratios, share: float) -> dict[str, float]:
        """Interpolate towards 0 for a negative share, towards the largest ratio for a
        positive one."""
        if share < 0:
            return {name: ratio * (1 + share) for name, ratio in ratios.items()}
        return {n: r + share * (self.choices[n][-1] - r) for n, r in ratios.items()}


def affordable_sizes(most: int, budget: Budget | None, seconds_per_epoch: float | None) -> int:
    """Return the number of sizes that the budget can train: `most`, or fewer if it is short.

    Each size needs six epochs of a model of half the width, which takes `seconds_per_epoch` (None:
    unknown). At least four sizes are returned. A budget of trials imposes no reduction.
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
