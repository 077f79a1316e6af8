"""Tables that fit the console: columns are left out, never cut off."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table

_UNLIMITED = 1000  # columns, wider than any table


def fitting_table(
    console: Console, make: Callable[[Sequence[str]], Table], optional: Sequence[str]
) -> Table:
    """Return the table that `make` gives for optional columns, without the last of these that the
    console has no room for."""
    unlimited = console.options.update(width=_UNLIMITED)
    names = [*optional]
    while True:
        table = make(names)
        if not names or console.measure(table, options=unlimited).maximum <= console.width:
            return table
        names.pop()
