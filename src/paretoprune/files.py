"""Writing files so that a reader, or a kill, never sees half of one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def write_bytes(path: Path, data: bytes) -> None:
    """Write to a sibling first and rename, so that `path` holds the old content or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8, all or nothing."""
    write_bytes(path, text.encode())


def write_json(path: Path, data: Any) -> None:
    """Write data as indented JSON, all or nothing."""
    write_text(path, json.dumps(data, indent=2) + "\n")


def read_json(path: Path) -> Any:
    """The data of a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))
