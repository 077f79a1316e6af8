"""Passages of docstrings, whose class is the package that they come from."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from paretoprune.config.values import Positive
from paretoprune.data.text.docstrings import docstrings, in_parts
from paretoprune.data.text.token_parts import TokenData, Tokens, padded

_WORD = re.compile(r"[a-z]+|[0-9]+|[^\sa-z0-9]")
_PADDING, _UNKNOWN, _FIRST = 0, 1, 2  # ids; the first of a word
_SHARE = 0.15  # of the docstrings, for validation and for test
_SHORTEST = 4  # words of a passage


def docstring_classes(
    *,
    packages: Sequence[str] = ("numpy", "pandas", "scipy", "sklearn"),
    docstrings_of_each: Positive = 500,
    passages: Positive = 4,
    max_words: Positive = 24,
    vocab_size: Positive = 1000,
    split_seed: int = 0,
    batch_size: Positive = 64,
    seed: int = 0,
    pretrained: bool = False,
) -> TokenData:
    """Return the first passages of docstrings, each a text of `max_words` words or fewer.

    Words are in lower case; signs and numbers are words of their own. The vocabulary is that of
    the training texts: 0 is padding, 1 any other word. Docstrings are split 70 / 15 / 15 percent,
    so that the passages of one are in the same part, and no passage is in two. `pretrained` has no
    effect.

    Raises:
        SettingsError: a package is not installed, or has too few docstrings.
    """
    texts = [
        (label, _WORD.findall(text.lower().replace(package, " ")))
        for label, package in enumerate(packages)
        for text in docstrings(package, docstrings_of_each, setting="data.packages")
    ]
    parts = {
        part: [*_passages(some, passages, max_words)]
        for part, some in in_parts(texts, share=_SHARE, seed=split_seed).items()
    }
    counts = Counter(word for _, words in parts["train"] for word in words)
    known = sorted(counts, key=lambda word: (-counts[word], word))[: vocab_size - _FIRST]
    numbers = {word: number for number, word in enumerate(known, _FIRST)}
    taken: set[tuple[int, ...]] = set()
    return TokenData(
        {part: _tokens(found, numbers, taken) for part, found in parts.items()},
        vocab_size=vocab_size,
        class_names=packages,
        batch_size=batch_size,
        seed=seed,
    )


def _passages(
    texts: Iterable[tuple[int, Sequence[str]]], most: int, max_words: int
) -> Iterator[tuple[int, Sequence[str]]]:
    """Yield the first `most` passages of each text, with its label."""
    for label, words in texts:
        for place in range(0, min(len(words), most * max_words), max_words):
            yield label, words[place : place + max_words]


def _tokens(
    texts: Sequence[tuple[int, Sequence[str]]],
    numbers: Mapping[str, int],
    taken: set[tuple[int, ...]],
) -> Tokens:
    """Return the passages that are long enough and not yet `taken`, and add them to these."""
    found: list[tuple[int, tuple[int, ...]]] = []
    for label, words in texts:
        ids = tuple(numbers.get(word, _UNKNOWN) for word in words)
        if len(ids) >= _SHORTEST and ids not in taken:
            taken.add(ids)
            found.append((label, ids))
    return padded([ids for _, ids in found], [label for label, _ in found])
