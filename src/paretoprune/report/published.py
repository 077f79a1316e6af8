"""Published results, from a table of the user's, to be shown beside a front."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from paretoprune.config.parsing import parse_count
from paretoprune.errors import SweepError
from paretoprune.metrics import DIRECTIONS

_LABEL = "name"


@dataclass(frozen=True)
class Published:
    """One published model: its name, and its figures by quantity."""

    label: str
    values: dict[str, float]


def read_published(file: Path) -> list[Published]:
    """The rows of a CSV with a column `name` and columns of measured quantities, as in front.csv.

    Counts may be written `40.8M`. An empty field was not published. Rates are percent.

    Raises:
        SweepError: the file is missing or no CSV, lacks the columns, or has a value that is not a
        number.
    """
    if not file.is_file():
        problem = "is a folder" if file.is_dir() else "is missing"
        raise SweepError(f"`{file}` {problem}, and must be a CSV file of published results")
    try:
        table = pd.read_csv(file, dtype=str, skipinitialspace=True)
    except (OSError, ValueError) as error:
        raise SweepError(f"`{file}` is no table of published results: {error}") from error
    quantities = [column for column in table.columns if column in DIRECTIONS]
    if _LABEL not in table.columns or len(quantities) < 2:
        raise SweepError(
            f"`{file}` must have a column `{_LABEL}` and at least two of: {', '.join(DIRECTIONS)}; "
            f"it has: {', '.join(map(str, table.columns))}"
        )
    return [_published(row, quantities, file) for row in table.to_dict("records")]


def _published(row: Mapping[Hashable, Any], quantities: Sequence[str], file: Path) -> Published:
    values = {name: row[name] for name in quantities if isinstance(row[name], str)}
    numbers = {name: _number(name, text, file) for name, text in values.items()}
    return Published(str(row[_LABEL]), numbers)


def _number(name: str, text: str, file: Path) -> float:
    try:
        return float(str(parse_count(text)))
    except ValueError:
        raise SweepError(
            f"`{file}`: `{name}` must be a number, such as 93.5 or 40.8M, got `{text}`"
        ) from None
