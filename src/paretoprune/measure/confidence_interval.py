"""Confidence intervals of what was measured on few samples."""

from __future__ import annotations

from math import sqrt

import torch
from torch import Tensor

_DRAWS = 2000
_SEED = 0
_Z = 1.959963984540054  # 97.5 % quantile of the normal distribution


def wilson_interval(rate: float, num_samples: int) -> tuple[float, float]:
    """Return the 95 % confidence interval of a rate in percent, counted on `num_samples` samples.

    Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
    Unlike the normal approximation it stays within 0 to 100, and is accurate near both.
    """
    p, z2 = rate / 100, _Z**2
    centre = (p + z2 / (2 * num_samples)) / (1 + z2 / num_samples)
    spread = p * (1 - p) / num_samples + z2 / (4 * num_samples**2)
    half = _Z * sqrt(spread) / (1 + z2 / num_samples)
    return 100 * max(0.0, centre - half), 100 * min(1.0, centre + half)


def paired_interval(differences: Tensor, *, draws: int = _DRAWS) -> tuple[float, float]:
    """Return the 95 % confidence interval of the mean of paired differences, by bootstrap.

    `differences` (N,) are of the same samples by two predictors. The samples are drawn anew with
    replacement `draws` times, always with the same seed; the ends are the 2.5 and 97.5 %
    percentiles of the means. Efron and Tibshirani, "An Introduction to the Bootstrap" (1993),
    section 13.3.
    """
    values = differences.detach().double().cpu()
    if not len(values):
        raise ValueError("there are no samples to draw from")
    generator = torch.Generator().manual_seed(_SEED)
    means = torch.stack(
        [
            values[torch.randint(len(values), values.shape, generator=generator)].mean()
            for _ in range(draws)
        ]
    )
    low, high = means.quantile(torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return low, high
