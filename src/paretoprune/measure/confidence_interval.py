"""Confidence intervals of measurements on few samples."""

from __future__ import annotations

from collections.abc import Callable
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

    `differences` (N,) are of the same samples by two predictors.
    """
    values = differences.detach().double().cpu()
    return bootstrap_interval(lambda drawn: values[drawn].mean(), len(values), draws=draws)


def bootstrap_interval(
    statistic: Callable[[Tensor], Tensor], num_samples: int, *, draws: int = _DRAWS
) -> tuple[float, float]:
    """Return the 95 % confidence interval of a statistic of samples, by bootstrap.

    `statistic` is called with the numbers (N,) of samples drawn with replacement, `draws` times,
    always with the same seed, and returns a scalar. The ends are the 2.5 and 97.5 % percentiles.
    Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), section 13.3.

    Raises:
        ValueError: there are no samples.
    """
    if not num_samples:
        raise ValueError("there are no samples to draw from")
    generator = torch.Generator().manual_seed(_SEED)
    found = torch.stack(
        [
            statistic(torch.randint(num_samples, (num_samples,), generator=generator))
            for _ in range(draws)
        ]
    )
    low, high = found.double().quantile(torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return low, high
