"""The sweep lock: at most one driver process per sweep folder."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TextIO

from paretoprune.errors import SweepError

_HELD = (errno.EWOULDBLOCK, errno.EACCES)  # by another process


@contextmanager
def driver_lock(path: Path) -> Iterator[None]:
    """Hold the lock file exclusively; the kernel releases it when the process dies.

    Raises SweepError, naming the holder, if another process holds it, or if the file system has
    no locks.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as stream:
        _take(stream, path.parent)
        stream.truncate(0)
        since = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M:%S %z")
        stream.write(f"process {os.getpid()} on {socket.gethostname()}, since {since}")
        stream.flush()
        yield
        stream.truncate(0)


def refuse_a_second_driver(path: Path) -> None:
    """Raise SweepError if another process holds the lock. Creates nothing."""
    if path.is_file():
        with path.open("r+", encoding="utf-8") as stream:
            _take(stream, path.parent)


def _take(stream: TextIO, folder: Path) -> None:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in _HELD:
            raise SweepError(
                f"{folder} is on a file system without locks ({error.strerror}), where two "
                "commands could write to one sweep; choose a folder on another by `sweeps_dir`"
            ) from error
        stream.seek(0)
        holder = stream.read() or "another process"
        raise SweepError(
            f"{folder} is being worked on by {holder}; "
            "wait for it, end it, or give this sweep another `name`"
        ) from None
