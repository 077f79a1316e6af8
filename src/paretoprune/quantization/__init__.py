"""Rounding to few bits: weights for a compact file, weights and activations for integer kernels."""

from __future__ import annotations

from paretoprune.quantization.compact import (
    STORED_BITS,
    compact_bytes,
    compact_state,
    stored_bytes,
)
from paretoprune.quantization.grid import BITS, check_bits, round_weight
from paretoprune.quantization.integers import INT8_BITS, integer_module
from paretoprune.quantization.weights import RoundedModel, round_weights

__all__ = [
    "BITS",
    "INT8_BITS",
    "STORED_BITS",
    "RoundedModel",
    "check_bits",
    "compact_bytes",
    "compact_state",
    "integer_module",
    "round_weight",
    "round_weights",
    "stored_bytes",
]
