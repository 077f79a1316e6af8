"""Texts in tables that a spreadsheet would take for formulas, marked and unmarked again."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

_BEGINNINGS = tuple("=+-@\t\r\n")
_MARK = "'"  # spreadsheets show what follows as text


def guarded(table: pd.DataFrame) -> pd.DataFrame:
    """The table with a `'` before texts, and names of columns, that would begin a formula.

    A text that begins like one so marked gets a second mark. Numbers stay: -1.5 is a number.
    """
    marked = table.rename(columns=_marked)
    return _mapped(marked, _marked)


def unguarded(table: pd.DataFrame) -> pd.DataFrame:
    """The inverse of `guarded`."""
    return _mapped(table.rename(columns=_plain), _plain)


def _mapped(table: pd.DataFrame, change: Callable[[object], object]) -> pd.DataFrame:
    """The table with every text changed; the types of its columns stay."""
    types = {name: kind for name, kind in table.dtypes.items() if kind == "string"}
    return table.assign(**{str(n): table[n].map(change).astype(kind) for n, kind in types.items()})


def _marked(value: object) -> object:
    return f"{_MARK}{value}" if isinstance(value, str) and _is_risky(value) else value


def _plain(value: object) -> object:
    return (
        value[1:] if isinstance(value, str) and value[:1] == _MARK and _is_risky(value) else value
    )


def _is_risky(text: str) -> bool:
    return text.lstrip(f"{_MARK} ").startswith(_BEGINNINGS)
