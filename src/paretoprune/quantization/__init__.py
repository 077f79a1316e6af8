"""Rounding to few bits: weights for a compact file, weights and activations for integer kernels."""

from __future__ import annotations

from paretoprune.quantization.compact import (
    STORED_BITS,
    compact_bytes,
    compact_state,
    stored_bytes,
)
from paretoprune.quantization.grid import BITS, check_bits, round_weight
from paretoprune.quantization.weights import RoundedModel, round_weights

__all__ = [
    "BITS",
    "STORED_BITS",
    "RoundedModel",
    "check_bits",
    "compact_bytes",
    "compact_state",
    "round_weight",
    "round_weights",
    "stored_bytes",
]
