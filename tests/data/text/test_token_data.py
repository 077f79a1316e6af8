"""Texts as token ids: parts without overlap, loaders, digests, the two sets of docstrings."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from paretoprune.data.digests.contents import contents_of
from paretoprune.data.text.characters import docstring_characters
from paretoprune.data.text.classes import docstring_classes
from paretoprune.data.text.token_parts import TokenData, TokenLoader, padded
from paretoprune.tasks.inputs import Keyed
from paretoprune.tasks.text.language_model import LanguageModel
from paretoprune.tasks.text.text_classification import TextClassification

SMALL: dict[str, Any] = {"packages": ("safetensors", "numpy"), "docstrings_of_each": 6}


def rows_of(data: TokenData, part: str) -> list[tuple[int, ...]]:
    return [tuple(row) for row in data.parts[part].ids.tolist()]


def test_batches_have_no_column_that_is_padding_alone() -> None:
    tokens = padded([[5, 6, 7], [8], [9, 9]], [0, 1, 1])
    batch = tokens.batch(slice(1, 3))
    assert batch["input_ids"].tolist() == [[8, 0], [9, 9]]
    assert batch["attention_mask"].tolist() == [[1, 0], [1, 1]]
    assert batch["labels"].tolist() == [1, 1]


def test_shuffled_batches_have_keys_and_another_order_in_each_pass() -> None:
    tokens = padded([[number] for number in range(1, 21)])
    loader = TokenLoader(tokens, batch_size=8, shuffled_by=0)
    first, second = list(loader), list(loader)
    assert len(loader) == len(first) == 3 and all(isinstance(one, Keyed) for one in first)
    orders = [torch.cat([one.key for one in each]).tolist() for each in (first, second)]
    assert orders[0] != orders[1] and sorted(orders[0]) == sorted(orders[1]) == list(range(20))
    for one in first:
        assert torch.equal(one.batch["input_ids"][:, 0] - 1, one.key)
    again = TokenLoader(tokens, batch_size=8, shuffled_by=0)
    assert torch.cat([one.key for one in again]).tolist() == orders[0]


@pytest.mark.parametrize("make", [docstring_classes, docstring_characters])
def test_no_passage_is_in_two_parts(make: Any) -> None:
    data = make(**SMALL)
    rows = [row for part in ("train", "validation", "test") for row in rows_of(data, part)]
    assert len(rows) == len(set(rows)) > 8
    assert max(map(max, rows)) < data.vocab_size
    assert make(**SMALL).parts["train"].ids.equal(data.parts["train"].ids)
    assert not make(**SMALL, split_seed=1).parts["train"].ids.equal(data.parts["train"].ids)


def test_the_name_of_its_package_is_not_in_a_passage() -> None:
    data = docstring_classes(**SMALL, vocab_size=5000, max_words=1000)
    assert data.class_names == ("safetensors", "numpy")
    labels = data.parts["train"].labels
    assert labels is not None and set(labels.tolist()) == {0, 1}


@pytest.mark.parametrize(
    ("make", "task"),
    [(docstring_classes, TextClassification()), (docstring_characters, LanguageModel())],
)
def test_the_digest_follows_the_texts(make: Any, task: Any) -> None:
    digests = [contents_of(make(**SMALL, split_seed=seed), task).digests for seed in (0, 0, 1)]
    assert digests[0] == digests[1]
    assert digests[0]["training inputs"] != digests[2]["training inputs"]
