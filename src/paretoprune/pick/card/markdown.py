"""Texts from elsewhere inside Markdown: names of classes, modules, layers and files.

In a folder that is handed on, they must read as they are and must not become links, HTML or rows.
"""

from __future__ import annotations

import re

# Starts of inline markup: `_` in the middle of a word is none, a bare address is one.
_SPECIAL = re.compile(r"([\\`*\[\]<>|~&$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|:(?=//)|(?<=www)\.)")
_BREAKS = re.compile(r"\s+")
_TICKS = re.compile(r"`+")


def as_text(text: str) -> str:
    """The text for a sentence or a cell of a table, on one line."""
    return _SPECIAL.sub(r"\\\1", _one_line(text))


def as_code(text: str) -> str:
    """The text as a code span, on one line; in a table, too."""
    line = _one_line(text).replace("|", "\\|")
    longest = max((len(ticks) for ticks in _TICKS.findall(line)), default=0)
    fence, space = "`" * (longest + 1), " " if longest else ""
    return f"{fence}{space}{line or ' '}{space}{fence}"


def _one_line(text: str) -> str:
    printable = "".join(one if one.isprintable() else " " for one in text)
    return _BREAKS.sub(" ", printable).strip()
