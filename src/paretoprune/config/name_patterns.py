"""Matching of group names by pattern (`layer1.*`), and suggestions for misspelt names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import takewhile

_FEWEST_LETTERS = 3  # of the beginning of a name


def matches(values: Mapping[str, float], name: str) -> list[float]:
    """Return the values of all patterns that match the name, in order."""
    return [value for pattern, value in values.items() if fnmatchcase(name, pattern)]


def unmatched(values: Mapping[str, float], names: Iterable[str]) -> list[str]:
    """Return the patterns that match none of the names."""
    known = list(names)
    return [p for p in values if not any(fnmatchcase(name, p) for name in known)]


def closest(word: str, names: Sequence[str]) -> str | None:
    """Return the most similar name, preferring a long common prefix; None if none is similar.

    Upper and lower case do not count. Without a similar name, one that begins with the word.
    """
    folded = {name.casefold(): name for name in names}
    word = word.casefold()
    if word in folded:
        return folded[word]
    near = difflib.get_close_matches(word, folded)
    if not near and len(word) >= _FEWEST_LETTERS:
        near = [name for name in folded if name.startswith(word)][:1]
    found = max(near, key=lambda name: _common_start(word, name), default=None)
    return None if found is None else folded[found]


def _common_start(one: str, other: str) -> int:
    pairs = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return sum(1 for _ in pairs)
