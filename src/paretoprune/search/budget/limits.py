"""Limits: what a candidate may cost at most, and how good it must be at least."""

from __future__ import annotations

from paretoprune.config.groups.sparsity import SparsitySettings
from paretoprune.results import Metrics

# Setting, quantity, and the sign that turns the value into "larger is worse".
_LIMITS = (
    ("max_params", "params", 1),
    ("max_macs", "macs", 1),
    ("max_size_bytes", "size_bytes", 1),
    ("max_stored_bytes", "stored_bytes", 1),
    ("max_latency_ms", "latency_ms", 1),
    ("min_accuracy", "accuracy", -1),
)


def broken_limits(sparsity: SparsitySettings, metrics: Metrics) -> list[str]:
    """A sentence for each limit that the measured quantities break; unmeasured ones break none."""
    sentences = []
    for setting, quantity, sign in _LIMITS:
        limit, value = getattr(sparsity, setting), getattr(metrics, quantity)
        if limit is not None and value is not None and sign * value > sign * limit:
            sentences.append(f"{quantity} {value:.6g} breaks `sparsity.{setting}={limit:.6g}`")
    return sentences
