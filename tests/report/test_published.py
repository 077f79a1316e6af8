"""Published results from a user's table: read as written, and refused with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from paretoprune.errors import SweepError
from paretoprune.report.published import Published, read_published


def write(folder: Path, text: str) -> Path:
    file = folder / "results.csv"
    file.write_text(text)
    return file


def test_rows_become_points_and_empty_fields_are_missing(tmp_path: Path) -> None:
    file = write(tmp_path, "name, accuracy, macs, year\nDepGraph, 93.77, 40.8M, 2023\nX,,1000,\n")
    assert read_published(file) == [
        Published("DepGraph", {"accuracy": 93.77, "macs": 40.8e6}),
        Published("X", {"macs": 1000.0}),
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name,accuracy\nX,90\n", "must have a column `name` and at least two of: accuracy"),
        ("method,accuracy,macs\nX,90,5\n", "it has: method, accuracy, macs"),
        ("name,accuracy,macs\nX,high,5\n", "`accuracy` must be a number, such as 93.5"),
        ("", "is no table of published results"),
    ],
)
def test_a_wrong_table_is_reported(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(SweepError, match=sentence):
        read_published(write(tmp_path, text))


def test_a_missing_table_is_reported(tmp_path: Path) -> None:
    with pytest.raises(SweepError, match=r"none\.csv` is missing, and must be a CSV file"):
        read_published(tmp_path / "none.csv")
