"""A user's texts with a class each: folders of files, or a table with a column of labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from paretoprune.config.values import Positive
from paretoprune.data.split import Official, SplitSettings, make_split
from paretoprune.data.text.read_texts import Texts, read_texts
from paretoprune.data.text.token_parts import TokenData, padded
from paretoprune.errors import DataError

_SETTINGS: dict[Official, str] = {
    "train": "data.path",
    "validation": "data.validation",
    "test": "data.test",
}


def labelled_texts(
    *,
    path: str,
    validation: str | None = None,
    test: str | None = None,
    text: str = "text",
    label: str = "label",
    tokenizer: Callable[..., Any] | None = None,
    vocab_size: Positive | None = None,
    max_length: Positive = 128,
    split_seed: int = 0,
    batch_size: Positive = 64,
    seed: int = 0,
    pretrained: bool = False,
) -> TokenData:
    """Return texts with a class each, as token ids padded with zeros.

    `path`, `validation` and `test` are folders with a folder of `.txt` files for each class, or
    tables (.csv, .tsv, .parquet) with the columns `text` and `label`. Missing parts are split off,
    by class and at random. `tokenizer(text)` returns the token ids of a text, whole numbers from 0;
    without one the texts are ids already: a list of numbers in Parquet, else numbers with spaces
    between them. Of each text the first `max_length` tokens are used. Classes are the labels in
    order, numbers by their value. Without `vocab_size` it is one more than the largest id.
    `pretrained` has no effect.

    Raises:
        DataError: a file is not as described, a text is empty, or a label is not one of training.
    """
    places: dict[Official, str | None] = {"train": path, "validation": validation, "test": test}
    found = {
        part: read_texts(Path(place), _SETTINGS[part], text=text, label=label)
        for part, place in places.items()
        if place is not None
    }
    ids = {
        part: _ids(texts, tokenizer, max_length, _SETTINGS[part]) for part, texts in found.items()
    }
    class_names = _in_order(found["train"].labels)
    labels = {part: _numbers(texts, class_names, _SETTINGS[part]) for part, texts in found.items()}
    split = make_split(labels, SplitSettings(seed=split_seed))
    parts = {"train": split.train, "validation": split.validation, "test": split.test}
    largest = max(max(one) for each in ids.values() for one in each)
    if vocab_size and largest >= vocab_size:
        raise DataError(
            f"`data.vocab_size={vocab_size}` is too small: the largest token id is {largest}"
        )
    return TokenData(
        {
            name: padded(
                [ids[part.official][row] for row in part.indices],
                labels[part.official][part.indices].tolist(),
            )
            for name, part in parts.items()
        },
        vocab_size=vocab_size or largest + 1,
        class_names=class_names,
        batch_size=batch_size,
        seed=seed,
    )


def _in_order(labels: Sequence[str]) -> tuple[str, ...]:
    """Return the different labels in order: whole numbers by value, 2 before 10, else names."""
    names = sorted(set(labels))
    return tuple(sorted(names, key=int) if all(map(_is_number, names)) else names)


def _numbers(texts: Texts, class_names: Sequence[str], setting: str) -> np.ndarray:
    """Return the number of each label among the classes of the training texts."""
    known: Mapping[str, int] = {name: number for number, name in enumerate(class_names)}
    if len(known) < 2:
        raise DataError(
            f"`{setting}` must have texts of two classes or more, all have the label "
            f"{class_names[0]}"
        )
    if unknown := sorted(set(texts.labels) - known.keys()):
        raise DataError(
            f"`{setting}` has labels that the training texts lack: {', '.join(unknown[:5])}; there "
            f"are: {', '.join(class_names[:10])}"
        )
    return np.array([known[name] for name in texts.labels])


def _ids(
    texts: Texts, tokenizer: Callable[..., Any] | None, max_length: int, setting: str
) -> list[list[int]]:
    """Return the token ids of each text, at most `max_length`."""
    found = []
    for place, text in zip(texts.places, texts.texts, strict=True):
        ids = _as_numbers(tokenizer(text) if tokenizer else text)
        if ids is None and tokenizer is None:
            raise DataError(
                f"`{setting}`, {place}: {_shown(text)} is no list of token ids (whole numbers from "
                "0); name the function that makes ids of a text, `data.tokenizer=my_module.encode "
                "trust=[my_module]`"
            )
        if ids is None:
            raise DataError(
                f"`data.tokenizer` must return a list of token ids, whole numbers from 0, without "
                f"those of padding; for {place} it returns {_shown(tokenizer and tokenizer(text))}"
            )
        if not ids:
            raise DataError(
                f"`{setting}`, {place}: the text is empty; remove it, or make it a token of its own"
            )
        found.append(ids[:max_length])
    return found


def _as_numbers(value: Any) -> list[int] | None:
    """Return token ids as numbers; None for anything else."""
    if isinstance(value, str):
        words = value.split()
        return [int(word) for word in words] if all(map(_is_number, words)) else None
    try:
        ids = np.asarray(value)
    except ValueError:  # lists of several lengths
        return None
    if ids.ndim != 1 or (ids.size and (ids.dtype.kind not in "iu" or int(ids.min()) < 0)):
        return None
    return [int(one) for one in ids]


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdigit()


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
