"""The number of links of a chain that are trained at the same time.

With one worker a chain has one link after another. With several, each free worker takes the next
smaller size, and starts from the smallest link that is finished, some sizes above. So there are as
many chains side by side as workers, at interleaved sizes. A model then starts from a larger one of
the same round or the round before, and steps are as many times as large. To keep them small there
are more sizes than in a single chain, and never more links at once than leave some rounds.
Each number was chosen by simulated sweeps, not both together (docs/scale.md).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

ROUNDS = 2.5  # links of a worker, one after another, at least
_SIZES = 6  # for each worker, where the budget can train them


def num_sizes_of(num_sizes: int, workers: int) -> int:
    """Return the number of sizes of a chain: more where many workers would have few each."""
    return num_sizes if workers == 1 else max(num_sizes, _SIZES * workers)


def most_at_once(num_sizes: int, workers: int) -> int:
    """Return how many of the links of a chain may be under way at the same time."""
    return max(1, min(workers, math.ceil(num_sizes / ROUNDS)))


def sizes_between(grid: Sequence[float], of_uniform: Sequence[float]) -> Collection[float]:
    """Return the sizes of a falling grid whose uniform candidate is that of a larger size, too.

    There are no more uniform candidates than steps of their widths, which can be less than the
    sizes that many workers train.
    """
    larger = [math.inf, *of_uniform]
    pairs = zip(grid, larger, of_uniform, strict=False)
    return {size for size, before, own in pairs if own == before and own < size}
