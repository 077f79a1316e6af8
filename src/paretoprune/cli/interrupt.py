"""Ctrl-C: once to stop when the running trials are done, twice to stop at once."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from paretoprune.config.redact import redact_uri

_NOTE = b"\nwhat runs is finished and kept; press Ctrl-C again to stop at once\n"


@contextmanager
def gentle_interrupt() -> Iterator[Callable[[], bool]]:
    """In the block, the first Ctrl-C makes the function true, the second interrupts as usual."""
    asked = False

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.write(2, _NOTE)  # Python's own streams may be in the middle of a write

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False  # signals reach the main thread alone
        return
    before = signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)


def resume_command() -> str:
    """The command that was given, as it can be given again; without secrets."""
    words = [*map(_without_secrets, sys.orig_argv[1:])]
    script = Path(words[0]).name if words else ""
    is_ours = script.startswith("paretoprune")  # a console script, which needs no `python`
    return shlex.join([script, *words[1:]] if is_ours else ["python", *words])


def _without_secrets(argument: str) -> str:
    key, mark, value = argument.partition("=")
    return f"{key}={redact_uri(value)}" if mark else argument
