"""Atomic file writes (temporary file, flush, rename) and JSON files with checksums."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from paretoprune.errors import DiskFullError
from paretoprune.storage.folders import force_folder, make_folder
from paretoprune.storage.foreign.bounded import parsed_json, read_text

_FULL = (errno.ENOSPC, errno.EDQUOT)
_SEAL = "sha256"


def write_bytes(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Replace `path` by `data`, atomically; parent folders are created.

    A `durable` write is on the disk when this returns, under its name. A write that is not durable
    survives any crash of a process, but may be lost or incomplete after a power failure.

    Raises DiskFullError, leaving the file unchanged, if the disk has no space left.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with _opened(beside) as stream:
            stream.write(data)
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        beside.replace(path)
        if durable:
            force_folder(path.parent)
    except BaseException as error:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in _FULL:
            raise DiskFullError(path.parent) from error
        raise


def _opened(path: Path) -> BinaryIO:
    """Open the file for writing; parent folders are created only if that fails, to save time."""
    try:
        return path.open("wb")
    except FileNotFoundError:
        make_folder(path.parent)
        return path.open("wb")


def write_text(path: Path, text: str) -> None:
    """Replace `path` by `text` (UTF-8), atomically."""
    write_bytes(path, text.encode())


def write_json(path: Path, data: object) -> None:
    """Replace `path` by `data` as indented JSON, atomically."""
    write_bytes(path, _as_json(data))


def json_text(data: object) -> str:
    """Return the text that `write_json` writes."""
    return json.dumps(data, indent=2) + "\n"


def read_json(path: Path) -> Any:
    """Return the data of a JSON file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not JSON, nested too deeply, larger than 256 MiB, or no regular file; or
            it holds a key twice.
    """
    try:
        return parsed_json(read_text(path))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def write_sealed(path: Path, data: Mapping[str, Any], *, durable: bool = True) -> None:
    """Write as `write_json` does, with a checksum of the data under the key `sha256`."""
    write_bytes(path, _as_json({**data, _SEAL: _checksum(data)}), durable=durable)


def read_sealed(path: Path) -> dict[str, Any]:
    """Return the data written by `write_sealed`. Raises OSError, or ValueError if it
    was altered."""
    data = read_json(path)
    if not isinstance(data, dict) or data.pop(_SEAL, None) != _checksum(data):
        raise ValueError("its checksum does not fit its content")
    return data


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file, as `sha256sum` prints it."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _as_json(data: object) -> bytes:
    return json_text(data).encode()


def _checksum(data: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
