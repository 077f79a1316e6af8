"""Making the scores of different groups comparable."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor


def normalise(scores: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Scores divided by their group's mean, for ranking all channels of a network at once.

    Raw scores grow with the size of a layer, so that a global ranking would empty the small ones.
    With the mean at one, a score says how a channel compares with its own group. A group of zeros
    stays zero. Single numbers, those of blocks, are divided by the mean of all such.
    """
    single = [float(score) for score in scores.values() if score.numel() == 1]
    means = {
        name: sum(single) / len(single) if score.numel() == 1 else float(score.mean())
        for name, score in scores.items()
    }
    return {n: score / means[n] if means[n] > 0 else score for n, score in scores.items()}
