"""Files that are either there whole or not at all: write beside, flush, then rename."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def write_bytes(path: Path, data: bytes) -> None:
    """Replace `path` by `data`, atomically; parent folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with beside.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Replace `path` by `text` (UTF-8), atomically."""
    write_bytes(path, text.encode())


def write_json(path: Path, data: object) -> None:
    """Replace `path` by `data` as indented JSON, atomically."""
    write_text(path, json.dumps(data, indent=2) + "\n")


def read_json(path: Path) -> Any:
    """The data of a JSON file. Raises OSError or ValueError like the standard library."""
    return json.loads(path.read_text(encoding="utf-8"))
