"""Texts and their labels, read from folders of files or from tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from paretoprune.config.name_patterns import closest
from paretoprune.errors import DataError

_TABLES = (".csv", ".tsv", ".parquet")


@dataclass(frozen=True)
class Texts:
    """Texts, or their token ids, with the name of a class each and the place in the source."""

    texts: list[Any]
    labels: list[str]
    places: list[str]  # "row 3", or the path of a file


def read_texts(path: Path, setting: str, *, text: str, label: str) -> Texts:
    """Return the texts of a folder with a folder for each class, or of a table.

    Raises:
        DataError: there is no such file, or it has no such texts or labels.
    """
    if path.is_dir():
        rows = [*_files(path, setting)]
        return Texts(*([row[column] for row in rows] for column in range(3)))
    if not path.exists() or path.suffix.lower() not in _TABLES:
        problem = "is neither" if path.exists() else "is missing, and must be either"
        raise DataError(
            f"`{setting}={path}` {problem} a folder with a folder of .txt files for each class "
            f"{'or' if not path.exists() else 'nor'} a table ({', '.join(_TABLES)})"
        )
    table = _table(path, setting)
    _check_columns(table, f"`{setting}={path}`", {"text": text, "label": label})
    labels = [_name(value) for value in table[label].tolist()]
    return Texts(table[text].tolist(), labels, [f"row {row + 1}" for row in range(len(table))])


def _check_columns(table: pd.DataFrame, where: str, columns: Mapping[str, str]) -> None:
    """Raise DataError for a table without these columns, without rows, or with gaps in them."""
    names = [str(name) for name in table.columns]
    for option, column in columns.items():
        if column not in names:
            near = closest(column, names)
            advice = f"did you mean `data.{option}={near}`?" if near else f"set `data.{option}`"
            found = ", ".join(names[:10])
            raise DataError(f"{where} has no column `{column}`, it has: {found}; {advice}")
        if (gaps := table[column].isna()).any():
            raise DataError(
                f"{where}, row {int(gaps.argmax()) + 1}: `{column}` is empty; remove the row, or "
                "fill it"
            )
    if not len(table):
        raise DataError(f"{where} has no rows")


def _name(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _table(path: Path, setting: str) -> pd.DataFrame:
    try:
        if path.suffix.lower() == ".parquet":
            return pd.read_parquet(path)
        separator = "\t" if path.suffix.lower() == ".tsv" else ","
        return pd.read_csv(path, sep=separator, dtype=str, na_values=[""], keep_default_na=False)
    except ImportError as error:
        raise DataError(f"`{setting}={path}` needs `pip install pyarrow`") from error
    except Exception as error:  # pandas and pyarrow have no common error
        raise DataError(f"`{setting}={path}` cannot be read: {error}") from error


def _files(folder: Path, setting: str) -> Iterator[tuple[str, str, str]]:
    """Yield the text, the class and the path of each file."""
    classes = sorted(entry for entry in folder.iterdir() if entry.is_dir())
    if not classes:
        raise DataError(
            f"`{setting}={folder}` must have a folder of .txt files for each class, "
            f"{folder}/CLASS/*.txt"
        )
    for one in classes:
        files = sorted(one.glob("*.txt"))
        if not files:
            raise DataError(f"{one} holds no .txt files; add texts, or remove the folder")
        for file in files:
            try:
                yield file.read_text(encoding="utf-8").strip(), one.name, str(file)
            except (OSError, UnicodeDecodeError) as error:
                raise DataError(f"{file} cannot be read as UTF-8 text: {error}") from error
