"""Ratings: the parts of rating and ranking, users' last items, and files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from paretoprune.data.samples.ratings import ratings, seeded_ratings
from paretoprune.errors import DataError


def test_ratings_are_split_at_random_without_overlap() -> None:
    data, known = ratings(), seeded_ratings()
    pairs = [
        set(zip(*(ids.tolist() for ids in part.inputs), strict=True))
        for part in data.parts.values()
    ]
    assert [len(part) for part in pairs] == [
        data.info.num_train, data.info.num_validation, data.info.num_test
    ]  # fmt: skip
    assert set.union(*pairs) == set(zip(known.users.tolist(), known.items.tolist(), strict=True))
    assert sum(map(len, pairs)) == len(known.values)
    assert set(np.unique(known.values)) <= {number / 2 for number in range(1, 11)}


def test_the_last_items_of_each_user_are_left_out() -> None:
    data, known = ratings(target="taken", candidates=20, negatives=2), seeded_ratings()
    of_user = known.items[known.users == 7]
    rows = {name: one.take(one.inputs[0] == 7) for name, one in data.parts.items()}
    for name, item in (("validation", of_user[-2]), ("test", of_user[-1])):
        items, wanted = rows[name].inputs[1], rows[name].targets
        assert items[wanted == 1].tolist() == [item]
        others = items[wanted == 0].tolist()
        assert len(set(others)) == 20 and not set(others) & set(of_user.tolist())
    items, wanted = rows["train"].inputs[1], rows["train"].targets
    assert items[wanted == 1].tolist() == of_user[:-2].tolist()
    assert len(items) == 3 * (len(of_user) - 2)
    asked = torch.cat([rows[name].inputs[1] for name in ("validation", "test")])
    assert not set(items.tolist()) & set(asked.tolist()), "no candidate is seen in training"


def write(path: Path, lines: list[str]) -> str:
    path.write_text("\n".join(["userId,movieId,rating,timestamp", *lines]))
    return str(path)


def test_a_file_is_read_in_the_order_of_time_with_ids_from_0(tmp_path: Path) -> None:
    lines = [
        f"{7 + user},{100 + item},{1 + item},{-item}" for user in range(2) for item in range(4)
    ]
    lines += [f"12,{100 + item},3,{item}" for item in range(4, 12)]
    data = ratings(path=write(tmp_path / "own.csv", lines), target="taken", candidates=1)
    test = data.parts["test"]
    assert test.inputs[0].unique().tolist() == [0, 1, 2]
    of_first = test.take((test.inputs[0] == 0) & (test.targets == 1))
    assert of_first.inputs[1].tolist() == [0], "the last in time, the smallest id"


@pytest.mark.parametrize(
    ("lines", "options", "sentence"),
    [
        (["1,2,3"], {}, "must have the columns user, item, rating and time .* got 3 columns"),
        (["1,2,x,4"], {}, "cannot be read"),
        (["1,2,nan,4"], {}, "without gaps"),
        (
            [f"{user},{item},3,0" for user in range(3) for item in range(4)],
            {"target": "taken"},
            "has not rated 0 of 4 items, too few .* `data.candidates=99`",
        ),
    ],
)
def test_wrong_files_are_refused_in_a_sentence(
    tmp_path: Path, lines: list[str], options: dict[str, str], sentence: str
) -> None:
    with pytest.raises(DataError, match=sentence):
        ratings(path=write(tmp_path / "own.csv", lines), **options)  # type: ignore[arg-type]
