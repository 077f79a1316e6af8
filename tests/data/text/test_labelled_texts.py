"""Texts with labels of a user's: what is read, and sentences for what is not as described."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from paretoprune.data.text.labelled_texts import labelled_texts
from paretoprune.errors import DataError

ROWS = [(f"{number} {number + 1}", ("no", "yes")[number % 2]) for number in range(40)]


def write(path: Path, rows: list[tuple[Any, Any]] = ROWS) -> Path:
    """Write a table of texts and labels."""
    table = pd.DataFrame(rows, columns=["text", "label"])
    if path.suffix == ".parquet":
        table.to_parquet(path)
    else:
        table.to_csv(path, sep="\t" if path.suffix == ".tsv" else ",", index=False)
    return path


def write_folder(path: Path) -> Path:
    """Write a folder of the same texts."""
    for number, (text, label) in enumerate(ROWS):
        (path / label).mkdir(parents=True, exist_ok=True)
        (path / label / f"{number:02d}.txt").write_text(f"{text}\n")
    return path


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.parquet", "t"])
def test_tables_and_folders_give_ids_masks_and_labels(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name) if "." in name else write_folder(tmp_path / name)
    data = labelled_texts(path=str(path))
    assert data.class_names == ("no", "yes") and data.vocab_size == 41
    assert [len(data.parts[part]) for part in ("train", "validation", "test")] == [28, 4, 8]
    texts = {}
    for part in data.parts.values():
        for ids, label in zip(part.ids.tolist(), part.labels.tolist(), strict=True):
            texts[f"{ids[0]} {ids[1]}"] = ("no", "yes")[label]
    assert texts == dict(ROWS)


def test_labels_that_are_numbers_keep_their_order(tmp_path: Path) -> None:
    """A given model's outputs are in this order: class 2 before class 10."""
    rows = [(f"{row} 7", row % 12) for row in range(120)]
    data = labelled_texts(path=str(write(tmp_path / "numbers.csv", rows)))
    assert data.class_names == tuple(str(number) for number in range(12))
    train = data.parts["train"]
    assert all(
        int(ids[0]) % 12 == int(label) for ids, label in zip(train.ids, train.labels, strict=True)
    )


def test_lists_of_ids_and_a_tokenizer_give_the_same(tmp_path: Path) -> None:
    lists = [([int(one) for one in text.split()], label) for text, label in ROWS]
    words = [(" ".join("x" * int(one) or "zero" for one in text.split()), a) for text, a in ROWS]
    found = [
        labelled_texts(path=str(write(tmp_path / "lists.parquet", lists))),
        labelled_texts(
            path=str(write(tmp_path / "words.csv", words)),
            tokenizer=lambda text: [0 if one == "zero" else len(one) for one in text.split()],
        ),
    ]
    first, second = (one.parts["train"].ids for one in found)
    assert first.equal(second)


def test_long_texts_are_cut_and_parts_of_their_own_are_used(tmp_path: Path) -> None:
    path, test = write(tmp_path / "a.csv"), write(tmp_path / "b.csv", [("1 2 3 4", "yes")])
    data = labelled_texts(path=str(path), test=str(test), max_length=3, vocab_size=100)
    assert data.parts["test"].ids.tolist() == [[1, 2, 3]] and data.vocab_size == 100
    assert len(data.parts["train"]) == 36


@pytest.mark.parametrize(
    ("rows", "options", "sentence"),
    [
        ([("a good one", "yes")], {}, "row 1: 'a good one' is no list of token ids"),
        ([("1 -2", "yes")], {}, "is no list of token ids"),
        ([(" ", "yes")], {}, "row 1: the text is empty; remove it"),
        ([("", "yes")], {}, "row 1: `text` is empty; remove the row"),
        ([("1", None), ("2", "no")], {}, "row 1: `label` is empty; remove the row"),
        ([("1", "yes"), ("2", "yes")], {}, "two classes or more, all have the label yes"),
        ([], {}, "has no rows"),
        (ROWS, {"text": "txt"}, "has no column `txt`, it has: text, label; did you mean"),
        (ROWS, {"label": "stars"}, "has no column `stars`"),
        (ROWS, {"tokenizer": str.split}, r"`data.tokenizer` must return a list of token ids"),
        (ROWS, {"tokenizer": lambda text: [[1], [2, 3]]}, "must return a list of token ids"),
        (ROWS, {"tokenizer": lambda text: [0.5]}, "must return a list of token ids"),
        (ROWS, {"tokenizer": lambda text: []}, "row 1: the text is empty"),
        (ROWS[:4], {}, "is too small to split off"),
        (ROWS, {"vocab_size": 5}, "`data.vocab_size=5`"),
    ],
)
def test_wrong_tables_are_reported_in_a_sentence(
    tmp_path: Path, rows: list[tuple[Any, Any]], options: dict[str, Any], sentence: str
) -> None:
    path = write(tmp_path / "texts.csv", rows)
    with pytest.raises(DataError, match=sentence):
        labelled_texts(path=str(path), **options)


def test_labels_of_other_parts_must_be_those_of_training(tmp_path: Path) -> None:
    path, other = write(tmp_path / "a.csv"), write(tmp_path / "b.csv", [("1", "Yes")])
    with pytest.raises(DataError, match=r"`data.validation` has labels that .* lack: Yes"):
        labelled_texts(path=str(path), validation=str(other))


def test_wrong_files_are_reported_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "notes.doc").write_text("")
    (tmp_path / "broken.parquet").write_text("")
    (tmp_path / "empty" / "yes").mkdir(parents=True)
    (tmp_path / "flat").mkdir()
    (tmp_path / "bytes" / "yes").mkdir(parents=True)
    (tmp_path / "bytes" / "yes" / "1.txt").write_bytes(b"\xff\xfe")
    for name, sentence in {
        "missing.csv": "is missing, and must be either a folder",
        "notes.doc": "is neither a folder",
        "broken.parquet": "cannot be read",
        "empty": "holds no .txt files",
        "flat": "must have a folder of .txt files for each class",
        "bytes": "cannot be read as UTF-8",
    }.items():
        with pytest.raises(DataError, match=sentence):
            labelled_texts(path=str(tmp_path / name))
