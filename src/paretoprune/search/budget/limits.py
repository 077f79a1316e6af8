"""Constraints on candidates: upper bounds of costs, and the worst acceptable quality."""

from __future__ import annotations

from collections.abc import Mapping

from paretoprune.config.groups.sparsity import SparsitySettings
from paretoprune.metrics import Direction, first_quality
from paretoprune.results import Metrics

# Setting, quantity, and a sign such that larger values of sign * quantity are worse.
_LIMITS = (
    ("max_params", "params", 1),
    ("max_macs", "macs", 1),
    ("max_size_bytes", "size_bytes", 1),
    ("max_stored_bytes", "stored_bytes", 1),
    ("max_latency_ms", "latency_ms", 1),
    ("min_accuracy", "accuracy", -1),
)


def broken_limits(
    sparsity: SparsitySettings,
    metrics: Metrics,
    objectives: Mapping[str, Direction] | None = None,
) -> list[str]:
    """Return a sentence for each violated limit; quantities that were not measured violate none.

    `min_quality` is of the first of the objectives that is a quality, and the most of an error.
    """
    limits = [*_LIMITS]
    if objectives and (name := first_quality(objectives)):
        limits.append(("min_quality", name, -1 if objectives[name] == "maximize" else 1))
    sentences = []
    for setting, quantity, sign in limits:
        limit, value = getattr(sparsity, setting), metrics.get(quantity)
        if limit is not None and value is not None and sign * value > sign * limit:
            sentences.append(f"{quantity} {value:.6g} breaks `sparsity.{setting}={limit:.6g}`")
    return sentences
