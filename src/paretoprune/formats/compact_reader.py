"""Reader of compact files, which may come from others: nothing that they say is taken on trust.

What a file claims is compared with the number of elements that the model has, before memory is
allocated for it: a few kilobytes of a deflate stream, or a shape, can stand for terabytes.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from paretoprune.errors import WeightsError
from paretoprune.formats.compact import Array, Rounded
from paretoprune.storage.foreign.bounded import parsed_json

MOST_ELEMENTS = 2**31  # of all tensors, where the model is not known
_MOST_LAYOUT_BYTES = 2**24  # of its text; a tensor takes about 80
_MOST_EXPONENT = 200  # of step sizes: beyond the range of float32 with float16
_KINDS = "biufc"  # of numbers, as numpy names them
_DAMAGE = (
    *(SafetensorError, zlib.error, ValueError, KeyError, TypeError, IndexError),
    *(OverflowError, RecursionError, UnicodeDecodeError),
)


def decode_compact(content: bytes, *, most_elements: int = MOST_ELEMENTS) -> dict[str, Array]:
    """Return the tensors of a compact file by name, rounded weights as float32.

    Raises:
        WeightsError: the content is damaged or of another format, its tensors have more than
            `most_elements` elements in all, or the step sizes of weights are not finite.
    """
    try:
        arrays = safetensors.numpy.load(content)
        layout = _layout(arrays["layout"], most_elements)
        return _Reader(arrays, most_elements).tensors(layout)
    except _DAMAGE as error:
        raise WeightsError(f"the compact file is damaged: {str(error)[:300]}") from error


def _layout(stream: Array, most_elements: int) -> list[list[Any]]:
    """Return the entries, with names that differ and shapes that fit into `most_elements`."""
    layout = parsed_json(_inflate("layout", stream, _MOST_LAYOUT_BYTES))
    names: set[str] = set()
    shapes: dict[str, Sequence[int]] = {}
    for name, shape, kind, *rest in layout:
        if not isinstance(name, str) or name in names:
            raise ValueError(f"its layout names {name!r} twice, or not by a text")
        names.add(name)
        shapes[name] = shapes[rest[0]] if kind == "same" else _checked_shape(name, shape)
        most_elements -= math.prod(shapes[name])
        if most_elements < 0:
            raise ValueError(f"up to `{name}` its tensors are larger than those of the model")
    found: list[list[Any]] = layout
    return found


def _checked_shape(name: str, shape: object) -> Sequence[int]:
    if not (isinstance(shape, list) and all(_is_count(size) for size in shape)):
        raise ValueError(f"`{name}` has the shape {shape!r}")
    return shape


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0


class _Reader:
    """The streams of a file, from which one tensor after the other is taken."""

    def __init__(self, arrays: dict[str, Array], most_elements: int) -> None:
        codes = _inflate("codes", arrays["codes"], most_elements)
        masks = _inflate("masks", arrays["masks"], most_elements // 8 + 1)
        self._streams = {
            "codes": np.frombuffer(codes, np.int8),
            "masks": np.unpackbits(np.frombuffer(masks, np.uint8)).astype(bool),
            "scales": _of_type(arrays, "scales", np.float16),
            "exact": _of_type(arrays, "exact", np.uint8),
        }

    def tensors(self, layout: Sequence[list[Any]]) -> dict[str, Array]:
        """Return all tensors by name. Raises ValueError if data are missing or left over."""
        found: dict[str, Array] = {}
        for name, shape, kind, *rest in layout:
            found[name] = found[rest[0]] if kind == "same" else self._read(name, shape, kind, rest)
        for stream, left in self._streams.items():
            if len(left) > (7 if stream == "masks" else 0):  # bits that fill a byte
                raise ValueError(f"its {stream} hold more than the layout says")
        return found

    def _read(self, name: str, shape: list[int], kind: str, rest: list[Any]) -> Array:
        if kind == "codes":
            return self._weight(name, shape, *rest)
        if kind not in ("constant", "exact"):
            raise ValueError(f"`{name}` is of the unknown kind {kind!r}")
        dtype = np.dtype(rest[0])
        if dtype.kind not in _KINDS:
            raise ValueError(f"`{name}` is of type {dtype}, which no tensor is")
        if kind == "constant":
            return np.full(shape, _number(name, rest[1]), dtype)
        raw = self._take("exact", math.prod(shape) * dtype.itemsize)
        return np.frombuffer(raw.tobytes(), dtype).reshape(shape)

    def _weight(
        self, name: str, shape: list[int], masked: bool, exponent: int, groups: int | None = None
    ) -> Array:
        count = math.prod(shape)
        present = self._take("masks", count) if masked else np.ones(count, bool)
        codes = np.zeros(count, np.int8)
        codes[present] = self._take("codes", int(np.count_nonzero(present)))
        scales = self._take("scales", shape[0] if groups is None else groups)
        if len(scales) and count % len(scales):
            raise ValueError(f"`{name}` has {len(scales)} step sizes for {count} levels")
        if type(exponent) is not int or abs(exponent) > _MOST_EXPONENT:
            raise ValueError(f"the step sizes of `{name}` have the exponent {exponent!r}")
        with np.errstate(all="ignore"):
            values = Rounded(codes.reshape(shape), scales, exponent).values
        if not np.isfinite(values).all():
            raise ValueError(f"the step sizes of `{name}` are not finite")
        return values

    def _take(self, stream: str, count: int) -> Array:
        if not _is_count(count) or count > len(self._streams[stream]):
            raise ValueError(f"its {stream} end too early")
        taken, self._streams[stream] = np.split(self._streams[stream], [count])
        return taken


def _number(name: str, value: object) -> int | float:
    """Return the value of a constant tensor. Raises ValueError for any other than a number."""
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"`{name}` has the constant {value!r}")
    return value


def _of_type(arrays: dict[str, Array], stream: str, dtype: type) -> Array:
    array = arrays[stream]
    if array.dtype != dtype or array.ndim != 1:
        raise ValueError(f"its {stream} are of type {array.dtype} and shape {array.shape}")
    return array


def _inflate(name: str, stream: Array, most_bytes: int) -> bytes:
    """Return the content of a raw deflate stream, which ends, with at most `most_bytes` bytes."""
    inflater = zlib.decompressobj(-15)
    content = inflater.decompress(stream.tobytes(), most_bytes + 1)
    if len(content) > most_bytes:
        raise ValueError(f"its {name} are larger than those of the model")
    if not inflater.eof or inflater.unused_data:
        raise ValueError(f"its {name} end too early or too late")
    return content
