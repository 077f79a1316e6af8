"""The header of a safetensors file: the names, types, shapes and places of its tensors."""

from __future__ import annotations

import struct
from pathlib import Path

from paretoprune.storage.bounded import parsed_json

_LENGTH = struct.Struct("<Q")
_MOST_BYTES = 100_000_000  # of a header, as the library has it


def check_names(path: Path) -> None:
    """Check that no two tensors of a safetensors file have one name.

    The library takes the last one, and checks all else: places, sizes, types and shapes.

    Raises:
        OSError: the file cannot be read.
        ValueError: a name is there twice, or the header is none.
        RecursionError: it is nested too deeply.
    """
    with path.open("rb") as stream:
        start = stream.read(_LENGTH.size)
        if len(start) < _LENGTH.size:
            raise ValueError("it is too short for a header")
        (length,) = _LENGTH.unpack(start)
        if length > _MOST_BYTES:
            raise ValueError(f"it begins with a header of {length:,} bytes")
        parsed_json(stream.read(length))
