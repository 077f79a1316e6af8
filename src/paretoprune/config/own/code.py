"""Errors raised by a user's own code, described with their file and line."""

from __future__ import annotations

import re
import site
import sysconfig
import traceback
from pathlib import Path

_OURS = Path(__file__).resolve().parents[2]
_LIBRARIES = tuple(
    str(Path(path).resolve())
    for path in {
        *(sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")),
        *site.getsitepackages(),
        site.getusersitepackages(),
    }
)
_PACKAGES = {"site-packages", "dist-packages"}
# A line of a traceback, as loaders with worker processes put it into their message.
_FRAME = re.compile(r'^ *File "(?P<file>[^"]+)", line (?P<line>\d+)', re.MULTILINE)


def described(error: BaseException) -> str:
    """Return the type and first line of an error, with file and line if a user's code raised it."""
    place = place_of(error)
    return f"{_summary(error)} ({place})" if place else _summary(error)


def with_place(error: BaseException) -> str:
    """Return the type and whole message of an error, with file and line as in `described`."""
    place = place_of(error)
    text = f"{type(error).__name__}: {error}"
    return f"{text} ({place})" if place else text


def message_of(error: BaseException) -> str:
    """Return the message of an error of ours, without the traceback that loaders with worker
    processes put before it."""
    text = str(error)
    return _summary(error).partition(": ")[2] if _FRAME.search(text) else text


def place_of(error: BaseException) -> str | None:
    """Return `file, line N` where a user's code raised an error; None if other code raised it.

    Frames of installed libraries, which a user's code may have called, are passed over.
    """
    if isinstance(error, SyntaxError) and error.filename and not _is_library(error.filename):
        return f"{_shown(error.filename)}, line {error.lineno}"
    frames = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    frames += [(found["file"], int(found["line"])) for found in _FRAME.finditer(str(error))]
    for file, line in reversed(frames):
        if _is_library(file):
            continue
        return (
            None if Path(file).resolve().is_relative_to(_OURS) else f"{_shown(file)}, line {line}"
        )
    return None


def _summary(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [""]
    if isinstance(error, SyntaxError):
        lines = [error.msg]
    if _FRAME.search(str(error)):  # a copied traceback ends with the error itself
        return lines[-1].strip()
    name = type(error).__name__
    return f"{name}: {lines[0]}" if lines[0] else name


def _is_library(file: str) -> bool:
    if file.startswith("<"):
        return True
    path = Path(file).resolve()
    if path.is_relative_to(_OURS):
        return False
    installed = not _PACKAGES.isdisjoint(path.parts)  # perhaps of another environment
    return installed or any(path.is_relative_to(library) for library in _LIBRARIES)


def _shown(file: str) -> str:
    path = Path(file)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
