"""`sparsity=...`: the amount to remove."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated

from pydantic import BeforeValidator, model_validator
from pydantic.dataclasses import dataclass

from paretoprune.config.parsing import parse_share
from paretoprune.config.values import (
    Count,
    Drop,
    Milliseconds,
    Percent,
    Positive,
    Ratio,
    Share,
    strict,
)

_SIZES = ("macs", "params", "bytes", "latency")  # a single run may keep a share of these
_TARGETS = ("ratio", *_SIZES, "max_drop", "accuracy_drop", "ratios")


@dataclass(frozen=True, kw_only=True, config=strict)
class SparsitySettings:
    """The amount to remove: the target of a single run, the rounding, and the limits of a sweep."""

    ratio: Ratio | None = None  # single run: the same ratio for every group
    macs: Share | None = None  # single run: the share of the dense MACs to keep
    params: Share | None = None  # single run: the share of the dense parameters to keep
    bytes: Share | None = None  # single run: the share of the dense model file's bytes to keep
    latency: Share | None = None  # single run: the share of the dense latency to keep
    # single run: the smallest model that loses at most this share of the dense model's gain over
    # the trivial predictor, such as 0.01 or 1%
    max_drop: Annotated[Ratio | None, BeforeValidator(parse_share)] = None
    # single run, classification: smallest model within this many percentage points
    accuracy_drop: Drop | None = None
    ratios: Mapping[str, Ratio] | None = None  # single run: ratio for each pattern of group names
    # maximum ratio for each pattern of group names
    caps: Mapping[str, Ratio] = field(default_factory=dict)
    divisor: Positive = 4  # the channel count of every layer is rounded to a multiple
    min_channels: Positive = 1  # minimum width of every group
    max_params: Count | None = None
    max_macs: Count | None = None
    max_size_bytes: Count | None = None
    max_stored_bytes: Count | None = None
    max_latency_ms: Milliseconds | None = None
    # The worst value of the front's quality, in its unit: the least, or the most of an error.
    min_quality: float | None = None
    min_accuracy: Percent | None = None  # classification

    @property
    def bisects_quality(self) -> bool:
        """True if the target of a single run is a drop of the quality."""
        return self.max_drop is not None or self.accuracy_drop is not None

    @property
    def size_target(self) -> tuple[str, float] | None:
        """The size target of a single run: the quantity, and the share of the dense
        value to keep."""
        given = [(name, getattr(self, name)) for name in _SIZES]
        return next(((name, share) for name, share in given if share is not None), None)

    @model_validator(mode="after")
    def _one_target(self) -> SparsitySettings:
        given = [name for name in _TARGETS if getattr(self, name) is not None]
        if len(given) > 1:
            names = " and ".join(f"`sparsity.{name}`" for name in given)
            raise ValueError(f"give one target, not {names} together")
        return self
