"""`model.compact.safetensors`: rounded weights, entropy-coded, readable without this package.

The symbols of all weights form one stream under a Huffman code, written by the standard library's
zlib (strategy `Z_HUFFMAN_ONLY`); it is within a few percent of their entropy at any number of bits.
A Huffman code needs at least one bit per symbol, so a tensor of mostly zeros is stored as a bit
mask, coded in bytes, and the nonzero symbols. `docs/how-to/compact-file.md` has the format and a
short reader without this package, `compact_reader.py` the one of this package.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

COMPACT_FILE = "model.compact.safetensors"

Array = NDArray[Any]
_Entry = list[Any]  # a tensor of the file: name, shape, kind, and data of the kind
_VERSION = 1


@dataclass(frozen=True)
class Rounded:
    """A weight on a symmetric grid with a step size for each index of its first dimension.

    Or one for each of several groups of equal size of each index, the groups of an index one after
    the other. Its values are `codes * scales * 2**exponent`, computed in float32.
    """

    codes: NDArray[np.int8]  # shaped like the weight
    scales: NDArray[np.float16]  # (first dimension x groups,)
    exponent: int  # keeps the scales within the range of float16

    @property
    def steps(self) -> NDArray[np.float32]:
        """Step size for each index of the first dimension, or for each group of it."""
        return np.ldexp(self.scales.astype(np.float32), self.exponent)

    @property
    def values(self) -> NDArray[np.float32]:
        """The dequantized weight."""
        each = self.codes.size // max(1, len(self.scales))
        return self.codes.astype(np.float32) * np.repeat(self.steps, each).reshape(self.codes.shape)


def encode_compact(tensors: Mapping[str, Array | Rounded]) -> bytes:
    """Return the content of a compact file: rounded weights coded, all other tensors exact.

    A tensor that is the same object as an earlier one is stored once.
    """
    writer = _Writer()
    for name, tensor in tensors.items():
        writer.add(name, tensor)
    return writer.content()


class _Writer:
    """Collects the streams of a file."""

    def __init__(self) -> None:
        self._layout: list[_Entry] = []
        self._codes: list[Array] = []
        self._masks: list[Array] = []
        self._scales: list[Array] = []
        self._exact: list[bytes] = []
        self._names: dict[int, str] = {}

    def add(self, name: str, tensor: Array | Rounded) -> None:
        """Append one tensor to its streams."""
        first = self._names.setdefault(id(tensor), name)
        if first != name:
            self._layout.append([name, [], "same", first])
        elif isinstance(tensor, Rounded):
            self._add_rounded(name, tensor)
        elif (value := _constant(tensor)) is not None:
            self._layout.append([name, list(tensor.shape), "constant", tensor.dtype.str, value])
        else:
            self._layout.append([name, list(tensor.shape), "exact", tensor.dtype.str])
            self._exact.append(np.ascontiguousarray(tensor).tobytes())

    def _add_rounded(self, name: str, tensor: Rounded) -> None:
        codes = tensor.codes.reshape(-1)
        masked = mask_wins(codes)
        groups = [len(tensor.scales)] if len(tensor.scales) != len(tensor.codes) else []
        entry = [name, list(tensor.codes.shape), "codes", masked, tensor.exponent, *groups]
        self._layout.append(entry)
        self._codes.append(codes[codes != 0] if masked else codes)
        self._masks.extend([codes != 0] if masked else [])
        self._scales.append(tensor.scales)

    def content(self) -> bytes:
        """Return the whole file."""
        masks = np.packbits(np.concatenate([np.zeros(0, bool), *self._masks]))
        codes = np.concatenate([np.zeros(0, np.int8), *self._codes])
        layout = json.dumps(self._layout, separators=(",", ":"), allow_nan=False).encode()
        arrays = {
            "layout": _bytes(zlib.compress(layout, 9, wbits=-15)),
            "codes": _bytes(huffman(codes.tobytes())),
            "masks": _bytes(deflated_mask(masks.tobytes())),
            "scales": np.concatenate([np.zeros(0, np.float16), *self._scales]),
            "exact": _bytes(b"".join(self._exact)),
        }
        metadata = {"format": "paretoprune.compact", "version": str(_VERSION)}
        content: bytes = safetensors.numpy.save(arrays, metadata)
        return content


def huffman(symbols: bytes) -> bytes:
    """Return a raw deflate stream with Huffman codes only, which any inflate reads."""
    coder = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_HUFFMAN_ONLY)
    return coder.compress(symbols) + coder.flush()


def deflated_mask(mask: bytes) -> bytes:
    """Return the smaller of a Huffman code and plain deflate, which codes long runs."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15, 9)
    return min(huffman(mask), deflate.compress(mask) + deflate.flush(), key=len)


def mask_wins(codes: NDArray[np.int8]) -> bool:
    """Return True if a bit mask with the nonzero symbols is smaller than all symbols."""
    present = codes != 0
    if 2 * np.count_nonzero(present) >= codes.size:  # a mask can only win at high sparsity
        return False
    mask, apart = np.packbits(present).tobytes(), huffman(codes[present].tobytes())
    return len(deflated_mask(mask)) + len(apart) < len(huffman(codes.tobytes()))


def _constant(tensor: Array) -> int | float | bool | None:
    """Return the finite number that all elements equal, 0 for an empty tensor, or None."""
    if tensor.dtype.kind not in "biuf":
        return None
    if tensor.size == 0:
        return 0
    value = tensor.reshape(-1)[0]
    if not np.isfinite(value) or tensor.tobytes() != value.tobytes() * tensor.size:
        return None
    number: int | float | bool = value.item()
    return number


def _bytes(content: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(content, np.uint8)
