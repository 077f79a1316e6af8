"""Confidence interval of a rate measured on few samples."""

from __future__ import annotations

from math import sqrt

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
