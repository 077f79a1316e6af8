"""Texts in tables that a spreadsheet would take for formulas and run: marked, and unmarked again."""

from __future__ import annotations

import pandas as pd

_BEGINNINGS = tuple("=+-@\t\r\n")
_MARK = "'"  # spreadsheets show what follows as text


def guarded(table: pd.DataFrame) -> pd.DataFrame:
    """The table with a `'` before texts, and names of columns, that would begin a formula.

    A text that begins like one so marked gets a second mark. Numbers stay: -1.5 is a number.
    """
    marked = table.rename(columns=_marked)
    return marked.assign(**{name: marked[name].map(_marked) for name in _texts(marked)})


def unguarded(table: pd.DataFrame) -> pd.DataFrame:
    """The inverse of `guarded`."""
    plain = table.assign(**{name: table[name].map(_plain) for name in _texts(table)})
    return plain.rename(columns=_plain)


def _texts(table: pd.DataFrame) -> list[str]:
    return [name for name in table.columns if pd.api.types.is_string_dtype(table[name].dtype)]


def _marked(value: object) -> object:
    return f"{_MARK}{value}" if isinstance(value, str) and _is_risky(value) else value


def _plain(value: object) -> object:
    return (
        value[1:] if isinstance(value, str) and value[:1] == _MARK and _is_risky(value) else value
    )


def _is_risky(text: str) -> bool:
    return text.lstrip(f"{_MARK} ").startswith(_BEGINNINGS) or text.startswith(_BEGINNINGS)
