"""Time of one layer as a function of its widths: a coarse grid, with steps between.

Hardware computes channels in blocks (16 floats at a time with AVX-512, 8 or more on a GPU's tensor
cores), so that time is a step function. Along both dense edges of the grid the steps are measured
finely; inside, they are assumed to be the same as at the edge, relative to linear interpolation.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

_NOISE = 0.04  # relative; a layer slower than a wider one by less counts as equally slow


@dataclass(frozen=True)
class Curve:
    """Milliseconds at rising widths; linear between, constant outside."""

    widths: tuple[int, ...]
    times_ms: tuple[float, ...]

    def at(self, width: int) -> float:
        """Return the time at a width."""
        if len(self.widths) == 1:
            return self.times_ms[0]
        right = min(max(bisect_right(self.widths, width), 1), len(self.widths) - 1)
        left_width, right_width = self.widths[right - 1], self.widths[right]
        share = (width - left_width) / (right_width - left_width)
        share = min(max(share, 0.0), 1.0)
        return (1 - share) * self.times_ms[right - 1] + share * self.times_ms[right]

    def only(self, widths: Sequence[int]) -> Curve:
        """Return the curve restricted to these widths, which it must have."""
        known = dict(zip(self.widths, self.times_ms, strict=True))
        return Curve(tuple(widths), tuple(known[width] for width in widths))

    def joined(self, found: Mapping[int, float]) -> Curve:
        """Return the curve with further widths; decreases within the noise are levelled."""
        known = dict(zip(self.widths, self.times_ms, strict=True))
        every = known | dict(found)
        widths = sorted(every)
        level = without_noise(np.array([every[width] for width in widths]))
        times = [known.get(w, float(t)) for w, t in zip(widths, level, strict=True)]
        return Curve(tuple(widths), tuple(times))


@dataclass(frozen=True)
class Surface:
    """Time of a layer at any input and output width.

    `times_ms[i][o]` is measured at `(widths_in[i], widths_out[o])`, the last of which are the dense
    ones. `along_in` is measured finely at the dense output width, `along_out` at the dense input
    width. At every measured pair of widths the surface equals the measurement.
    """

    widths_in: tuple[int, ...]
    widths_out: tuple[int, ...]
    times_ms: tuple[tuple[float, ...], ...]
    along_in: Curve
    along_out: Curve

    def at(self, width_in: int, width_out: int) -> float:
        """Return milliseconds; outside the measured widths those of the nearest."""
        rows = tuple(Curve(self.widths_out, row).at(width_out) for row in self.times_ms)
        straight = Curve(self.widths_in, rows).at(width_in)
        stairs_in = _stairs(self.along_in, self.widths_in, width_in)
        return straight * stairs_in * _stairs(self.along_out, self.widths_out, width_out)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Surface:
        """Inverse of `dataclasses.asdict`.

        Raises:
            KeyError, TypeError, ValueError: the data are not such a surface.
        """
        return cls(
            widths_in=tuple(data["widths_in"]),
            widths_out=tuple(data["widths_out"]),
            times_ms=tuple(tuple(map(float, row)) for row in data["times_ms"]),
            along_in=_curve(data["along_in"]),
            along_out=_curve(data["along_out"]),
        )


def without_noise(times_ms: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Level decreases within the noise in times at rising widths (the last axis).

    A larger decrease is kept: some widths are really slower than wider ones, where another kernel
    is selected or a block is partly filled.
    """
    wider = np.minimum.accumulate(times_ms[..., ::-1], axis=-1)[..., ::-1]
    level: np.ndarray[Any, Any] = np.where(times_ms <= (1 + _NOISE) * wider, wider, times_ms)
    return level


def _stairs(fine: Curve, coarse: Sequence[int], width: int) -> float:
    """Return the ratio of the fine curve to linear interpolation between the coarse widths."""
    return fine.at(width) / fine.only(coarse).at(width)


def _curve(data: Mapping[str, Any]) -> Curve:
    return Curve(tuple(data["widths"]), tuple(map(float, data["times_ms"])))
