"""Results that others published, from a table of the user's, to be laid over a front."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from paretoprune.errors import SweepError
from paretoprune.results import DIRECTIONS

_LABEL = "name"


@dataclass(frozen=True)
class Published:
    """One published model: what it is called, and its figures by the name of the quantity."""

    label: str
    values: dict[str, float]


def read_published(file: Path) -> list[Published]:
    """The rows of a CSV with a column `name` and columns of measured quantities, as in front.csv.

    Empty fields are figures that were not published. Rates are percent.

    Raises:
        SweepError: the file is missing or no CSV, lacks the columns, or holds what is no number.
    """
    try:
        table = pd.read_csv(file)
    except (OSError, ValueError) as error:
        raise SweepError(f"`{file}` is no table of published results: {error}") from error
    quantities = [column for column in table.columns if column in DIRECTIONS]
    if _LABEL not in table.columns or len(quantities) < 2:
        raise SweepError(
            f"`{file}` must have a column `{_LABEL}` and at least two of: {', '.join(DIRECTIONS)}; "
            f"it has: {', '.join(map(str, table.columns))}"
        )
    for column in quantities:
        if not pd.api.types.is_numeric_dtype(table[column]):
            raise SweepError(f"`{file}`: the column `{column}` must hold numbers alone")
    return [_published(row, quantities) for row in table.to_dict("records")]


def _published(row: dict[object, object], quantities: list[str]) -> Published:
    numbers = {name: float(str(row[name])) for name in quantities}
    return Published(str(row[_LABEL]), {k: v for k, v in numbers.items() if v == v})
