"""Zeros inside of weights: one by one, N of every M, or in blocks. The shapes stay what they are.

Zeros alone make nothing faster with the kernels that PyTorch runs; they make a file smaller that is
stored compressed.
"""

from __future__ import annotations

from paretoprune.pruning.unstructured.compressed import compress, count_compressed_bytes, restore
from paretoprune.pruning.unstructured.layers import Layer, Layers, find_layers
from paretoprune.pruning.unstructured.patterns import Blocks, NofM, Pattern, Weights
from paretoprune.pruning.unstructured.size import ZeroedSize

__all__ = [
    "Blocks",
    "Layer",
    "Layers",
    "NofM",
    "Pattern",
    "Weights",
    "ZeroedSize",
    "compress",
    "count_compressed_bytes",
    "find_layers",
    "restore",
]
