"""`sparsity=...`: how much goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from pydantic import model_validator
from pydantic.dataclasses import dataclass

from paretoprune.config.values import Count, Drop, Percent, Positive, Ratio, Share, strict

_SIZES = ("macs", "params", "bytes", "latency")  # a share of which a single run may keep
_TARGETS = ("ratio", *_SIZES, "accuracy_drop", "ratios")


@dataclass(frozen=True, kw_only=True, config=strict)
class SparsitySettings:
    """How much to remove: the target of a single run, the rounding, and the limits of a sweep."""

    ratio: Ratio | None = None  # single run: the same ratio for every group
    macs: Share | None = None  # single run: the share of the dense MACs to keep
    params: Share | None = None  # single run: the share of the dense parameters to keep
    bytes: Share | None = None  # single run: the share of the dense model file's bytes to keep
    latency: Share | None = None  # single run: the share of the dense latency to keep
    accuracy_drop: Drop | None = None  # single run: the smallest model within so many points
    ratios: Mapping[str, Ratio] | None = None  # single run: a ratio by pattern of group names
    caps: Mapping[str, Ratio] = field(default_factory=dict)  # the most that goes, by pattern
    # How a share is reached; `score` and `sensitivity` remove what matters least for its size.
    allocation: Literal["uniform", "global", "erk", "lamp", "score", "sensitivity"] = "uniform"
    divisor: Positive = 4  # channels of every layer are rounded to multiples of it
    min_channels: Positive = 1  # no group becomes narrower
    max_params: Count | None = None
    max_macs: Count | None = None
    max_size_bytes: Count | None = None
    max_stored_bytes: Count | None = None
    max_latency_ms: Count | None = None
    min_accuracy: Percent | None = None

    @property
    def size_target(self) -> tuple[str, float] | None:
        """Of a single run: the quantity, and the share of the dense model's to keep."""
        given = [(name, getattr(self, name)) for name in _SIZES]
        return next(((name, share) for name, share in given if share is not None), None)

    @model_validator(mode="after")
    def _one_target(self) -> SparsitySettings:
        given = [name for name in _TARGETS if getattr(self, name) is not None]
        if len(given) > 1:
            names = " and ".join(f"`sparsity.{name}`" for name in given)
            raise ValueError(f"give one target, not {names} together")
        return self
