"""Normalisation of scores, for a comparison across groups."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor


def normalise(scores: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Divide scores by their group's mean, for a global ranking of all channels.

    Raw scores grow with the size of a layer, so that a global ranking would empty the small ones.
    After division a score compares a channel with the mean of its own group. A group of zeros stays
    zero. Single scores, those of blocks, are divided by the mean over all blocks.
    """
    single = [float(score) for score in scores.values() if score.numel() == 1]
    means = {
        name: sum(single) / len(single) if score.numel() == 1 else float(score.mean())
        for name, score in scores.items()
    }
    return {n: score / means[n] if means[n] > 0 else score for n, score in scores.items()}
