"""How far a rate that was counted on few samples may be from the true one."""

from __future__ import annotations

from math import sqrt

_Z = 1.959963984540054  # of a normal distribution: 95 % lie within so many deviations


def wilson_interval(rate: float, num_samples: int) -> tuple[float, float]:
    """The 95 % confidence interval of a rate in percent, counted on `num_samples` samples.

    Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
    Unlike the rate plus or minus two deviations it stays within 0 to 100, and is right near both.
    """
    p, z2 = rate / 100, _Z**2
    centre = (p + z2 / (2 * num_samples)) / (1 + z2 / num_samples)
    spread = p * (1 - p) / num_samples + z2 / (4 * num_samples**2)
    half = _Z * sqrt(spread) / (1 + z2 / num_samples)
    return 100 * max(0.0, centre - half), 100 * min(1.0, centre + half)
