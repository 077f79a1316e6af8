"""Files of others, read as text or YAML: regular files alone, and no more than fits."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import yaml

_MOST_BYTES = 2**28  # of JSON, which takes ten times as much in memory
_MOST_YAML_BYTES = 2**20  # which takes ten seconds; a config has some thousand bytes


def read_text(path: Path, *, most_bytes: int = _MOST_BYTES) -> str:
    """Return the text of a file in UTF-8.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no UTF-8, larger than `most_bytes`, or a pipe or device, which might not
            end.
    """
    status = path.stat()
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        raise ValueError(f"{path} is no regular file")
    if status.st_size > most_bytes:
        raise ValueError(f"{path} has {status.st_size:,} bytes; at most {most_bytes:,} are read")
    return path.read_text(encoding="utf-8")


def read_yaml(path: Path) -> Any:
    """Return the plain data of a YAML file.

    Raises what `read_text` raises, and YAMLError or RecursionError for other content.
    """
    return yaml.safe_load(read_text(path, most_bytes=_MOST_YAML_BYTES))
