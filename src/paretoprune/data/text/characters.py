"""Passages of docstrings as characters, for language models."""

from __future__ import annotations

from collections.abc import Sequence

from paretoprune.config.values import Positive
from paretoprune.data.text.docstrings import docstrings, in_parts
from paretoprune.data.text.token_parts import TokenData, padded

_NUM_IDS = 128  # ASCII; 0 is padding
_OTHER = ord("?")  # in place of any other character
_SHORTEST = 16  # characters of a passage
_SHARE = 0.1  # of the docstrings, for validation and for test


def docstring_characters(
    *,
    packages: Sequence[str] = ("numpy", "sklearn"),
    docstrings_of_each: Positive = 300,
    passages: Positive = 4,
    max_characters: Positive = 64,
    split_seed: int = 0,
    batch_size: Positive = 64,
    seed: int = 0,
    pretrained: bool = False,
) -> TokenData:
    """Return the first passages of docstrings, each of `max_characters` characters or fewer.

    Ids are the codes of ASCII characters; 0 is padding. Docstrings are split 80 / 10 / 10 percent;
    a passage is in one part only. `pretrained` has no effect.

    Raises:
        SettingsError: a package is not installed, or has too few docstrings.
    """
    texts = [
        " ".join(text.split())[: passages * max_characters]
        for package in packages
        for text in docstrings(package, docstrings_of_each, setting="data.packages")
    ]
    taken: set[str] = set()
    parts = {}
    for part, some in in_parts(texts, share=_SHARE, seed=split_seed).items():
        found = [
            text[place : place + max_characters]
            for text in some
            for place in range(0, len(text), max_characters)
        ]
        new = [one for one in dict.fromkeys(found) if len(one) >= _SHORTEST and one not in taken]
        taken.update(new)
        parts[part] = padded([_ids(one) for one in new])
    return TokenData(parts, vocab_size=_NUM_IDS, batch_size=batch_size, seed=seed)


def _ids(text: str) -> list[int]:
    codes = (ord(character) for character in text)
    return [code if 0 < code < _NUM_IDS else _OTHER for code in codes]
