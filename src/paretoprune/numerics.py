"""Numerical errors of a quantized model by layer, and the warnings that follow from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from statistics import fmean
from typing import Any

MOST_DB = 150.0  # of a layer without error: float32 itself has about 140 dB

_LEAST_DB = 10.0  # of accumulated errors
_MOST_FALL_DB = 10.0  # of their mean from one third of the depth to the next
_OWN_BELOW_INPUT_DB = 3.0
_SMALL_SHARE = 0.05  # of the bytes of all weights
_MOST_SATURATED = 0.1  # percent
_MOST_CREST = 40.0
_INT16, _INT32 = 2**15 - 1, 2**31 - 1
_MOST_NAMED = 3  # layers in one warning


@dataclass(frozen=True)
class LayerError:
    """Errors of one layer of a quantized model on validation samples, beside the float model.

    Errors are signal-to-quantization-noise ratios of the layer's output in decibels: of the
    quantized layer on the float model's input (own), and in the quantized model (accumulated).
    """

    layer: str
    bits: float  # of a weight
    size_bytes: int  # of its packed weights
    own_db: float
    accumulated_db: float
    input_db: float  # of the layer's input in the quantized model
    saturated: float = 0.0  # percent of the input's values beyond the range of its grid
    crest: float = 0.0  # largest magnitude of the input / its root mean square
    largest_sum: float = 0.0  # bound of the sums in integers; 0: activations are not quantized
    largest_pair: float = 0.0  # bound of the sums of two products in integers, as x86 adds them


@dataclass(frozen=True)
class NumericalErrors:
    """Errors of the layers of a quantized model, in the order of their computation."""

    layers: Sequence[LayerError]
    agreement: float | None = None  # percent of the samples with the float model's class
    divergence: float | None = None  # of the outputs, as the task measures it; KL for classes
    lacks_vnni: bool = False  # an x86 processor that adds pairs of products in int16

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> NumericalErrors:
        """Inverse of `to_json`."""
        return cls(**{**data, "layers": tuple(LayerError(**one) for one in data["layers"])})

    @property
    def in_words(self) -> str:
        """Return a sentence with the worst layer and the errors of the outputs."""
        worst = min(self.layers, key=lambda one: one.accumulated_db)
        own = min(self.layers, key=lambda one: one.own_db)
        outputs = []
        if self.agreement is not None:
            outputs.append(f"the class of the float model for {self.agreement:.1f} %")
        if self.divergence is not None:
            outputs.append(f"divergence {self.divergence:.2g}")
        return (
            f"numerical error on validation samples: own at least {own.own_db:.0f} dB "
            f"(`{own.layer}`), accumulated at least {worst.accumulated_db:.0f} dB "
            f"(`{worst.layer}`)" + "".join(f", {one}" for one in outputs)
        )


def warnings_of(errors: NumericalErrors) -> list[str]:
    """Return a sentence for each kind of numerical problem, naming its layers.

    Kernels of an engine that disagree with the integer module have no warning: their file is
    refused.
    """
    checks = (_accumulated, _growing, _few_bits, _ranges, _overflow, _pairs)
    return [sentence for check in checks if (sentence := check(errors))]


def _accumulated(errors: NumericalErrors) -> str | None:
    found = [one for one in errors.layers if one.accumulated_db < _LEAST_DB]
    if not found:
        return None
    worst = min(found, key=lambda one: one.accumulated_db)
    return (
        f"the accumulated error is below {_LEAST_DB:g} dB in {_names(found)}, "
        f"{worst.accumulated_db:.1f} dB in `{worst.layer}`"
    )


def _growing(errors: NumericalErrors) -> str | None:
    third = len(errors.layers) // 3
    if not third:
        return None
    parts = [errors.layers[:third], errors.layers[third:-third], errors.layers[-third:]]
    means = [fmean(one.accumulated_db for one in part) for part in parts]
    falls = [before - after for before, after in pairwise(means)]
    if max(falls) <= _MOST_FALL_DB:
        return None
    place = falls.index(max(falls))
    return (
        f"the error grows with depth: {means[place]:.0f} dB in the layers up to "
        f"`{parts[place][-1].layer}`, {means[place + 1]:.0f} dB in those up to "
        f"`{parts[place + 1][-1].layer}`"
    )


def _few_bits(errors: NumericalErrors) -> str | None:
    """Find small layers that lose more than arrives at them, whose bits are cheap."""
    total = sum(one.size_bytes for one in errors.layers)
    found = [
        one
        for one in errors.layers
        if one.own_db < one.input_db - _OWN_BELOW_INPUT_DB
        and one.size_bytes < _SMALL_SHARE * total
        and one.bits < 8
    ]
    if not found:
        return None
    cost = sum(round(one.size_bytes / one.bits) for one in found)
    return (
        f"more bits are cheap for {_names(found)}: one bit costs {cost:,} bytes, under 5 % of the "
        "weights"
    )


def _ranges(errors: NumericalErrors) -> str | None:
    saturated = [one for one in errors.layers if one.saturated > _MOST_SATURATED]
    peaks = [one for one in errors.layers if one.crest > _MOST_CREST]
    parts = []
    if saturated:
        most = max(one.saturated for one in saturated)
        parts.append(
            f"the calibration did not see the range of the input of {_names(saturated)} "
            f"(up to {most:.2g} % of the values saturate)"
        )
    if peaks:
        most = max(one.crest for one in peaks)
        parts.append(
            f"outliers own the range of the input of {_names(peaks)} (the largest is "
            f"{most:.0f} times the root mean square)"
        )
    return "; ".join(parts) or None


def _overflow(errors: NumericalErrors) -> str | None:
    found = [one for one in errors.layers if one.largest_sum > _INT32]
    if not found:
        return None
    return f"sums in int32 can overflow in {_names(found)}: it has too many inputs for int8"


def _pairs(errors: NumericalErrors) -> str | None:
    found = [one for one in errors.layers if one.largest_pair > _INT16]
    if not found or not errors.lacks_vnni:
        return None
    most = max(one.largest_pair for one in found)
    return (
        "this x86 processor has no VNNI and adds pairs of products in int16, which can saturate in "
        f"{_names(found)} (up to {most:,.0f} of {_INT16:,})"
    )


def _names(layers: Sequence[LayerError]) -> str:
    named = ", ".join(f"`{one.layer}`" for one in layers[:_MOST_NAMED])
    more = len(layers) - _MOST_NAMED
    return f"{named} and {more} more" if more > 0 else named
