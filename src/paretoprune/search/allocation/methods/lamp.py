"""`allocation=lamp`: one threshold on the LAMP scores of all groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from paretoprune.search.allocation.methods.interface import Allocation, AllocationContext, Path
from paretoprune.search.allocation.paths import ranking_path


@dataclass(frozen=True)
class Lamp(Allocation):
    """Global ranking by LAMP scores, computed from the scores of the scorer.

    Lee et al. 2021 (Layer-adaptive Sparsity for the Magnitude-based Pruning, section 2). The
    largest channel of each group scores 1, so that no group is emptied.
    """

    def path(self, context: AllocationContext, /) -> Path:
        """Return the path of a rising threshold on the LAMP scores."""
        return ranking_path(
            context.groups, lamp_scores(context.scores), max_ratio=context.max_ratio
        )


def lamp_scores(scores: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    """Divide each squared score by the sum of those of its group that are not smaller.

    Of equal scores the first counts as the largest; zeros stay zero. The scale of a group has no
    effect.
    """
    found = {}
    for name, values in scores.items():
        squares = np.square(np.asarray(values, dtype=float))
        order = np.argsort(-squares, kind="stable")
        falling = squares[order]
        left = np.cumsum(falling)
        lamp = np.zeros_like(squares)
        lamp[order] = np.divide(falling, left, out=np.zeros_like(left), where=falling > 0)
        found[name] = lamp.tolist()
    return found
