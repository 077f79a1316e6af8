"""Plans: tidy, checked, stable under JSON, and made from scores by one rule."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from paretoprune.errors import PruningError
from paretoprune.pruning.groups import Group, Slot, row_of_positions
from paretoprune.pruning.structured.plan import Plan, make_plan


def group(name: str, width: int) -> Group:
    return Group(name, width, (Slot(f"{name}.weight", 0, row_of_positions(width)),))


GROUPS = (group("a", 4), group("b", 6))


def test_equal_plans_are_equal_data() -> None:
    one = Plan({"b": (5, 1), "a": (2,), "c": ()})
    other = Plan({"a": (2,), "b": (1, 5)})
    assert one == other
    assert list(one.removed.items()) == [("a", (2,)), ("b", (1, 5))]
    assert one.digest() == other.digest()


def test_digest_is_the_same_on_every_machine() -> None:
    assert Plan({"a": (1, 2)}).digest() == "01530d164d479cf0"
    assert Plan({"a": (1, 3)}).digest() != Plan({"a": (1, 2)}).digest()


@given(st.dictionaries(st.text(max_size=5), st.sets(st.integers(0, 50)), max_size=4))
def test_a_plan_survives_json(removed: dict[str, set[int]]) -> None:
    plan = Plan({name: tuple(gone) for name, gone in removed.items()})
    again = Plan.from_json(json.loads(json.dumps(plan.to_json())))
    assert again == plan
    assert again.digest() == plan.digest()


def test_widths() -> None:
    assert Plan({"b": (0, 5)}).widths(GROUPS) == {"a": 4, "b": 4}


@pytest.mark.parametrize(
    ("removed", "sentence"),
    [
        ({"c": (0,)}, "`c`; the groups are: a, b"),
        ({"a": (4,)}, "channel 4 of group `a`, whose channels are 0 to 3"),
        ({"a": (-1,)}, "counting starts at 0"),
        ({"a": (0, 2, 7)}, "channel 7 of group `a`, whose channels are 0 to 3"),
        ({"a": (-2, 1)}, "channel -2 of group `a`; counting starts at 0"),
        ({"a": (1, 1)}, "twice"),
        ({"a": (0, 1, 2, 3)}, "at least one must stay"),
    ],
)
def test_a_wrong_plan_is_reported_in_a_sentence(removed: dict, sentence: str) -> None:
    with pytest.raises(PruningError, match=sentence):
        Plan(removed).check(GROUPS)


def test_make_plan_removes_the_lowest_scores() -> None:
    scores = {"a": torch.tensor([3.0, 1.0, 4.0, 2.0]), "b": torch.arange(6.0)}
    assert make_plan(GROUPS, scores, {"a": 2, "b": 5}) == Plan({"a": (1, 3), "b": (0,)})


def test_of_equal_scores_the_lower_index_stays() -> None:
    scores = {"a": torch.ones(4)}
    assert make_plan(GROUPS, scores, {"a": 1}) == Plan({"a": (1, 2, 3)})


@given(st.lists(st.integers(0, 3), min_size=6, max_size=6))
def test_narrower_plans_remove_supersets(levels: list[int]) -> None:
    scores = {"b": torch.tensor(levels, dtype=torch.float32)}
    plans = [set(make_plan(GROUPS, scores, {"b": w}).removed.get("b", ())) for w in range(6, 0, -1)]
    assert [len(gone) for gone in plans] == list(range(6))
    assert all(less < more for less, more in pairwise(plans))


@pytest.mark.parametrize(
    ("scores", "widths", "sentence"),
    [
        ({"a": torch.ones(3)}, {"a": 2}, "4 finite scores"),
        ({"a": torch.tensor([1.0, float("nan"), 1, 1])}, {"a": 2}, "4 finite scores"),
        ({}, {"a": 2}, "4 finite scores"),
        ({"a": torch.ones(4)}, {"a": 0}, "1 to 4 channels, not 0"),
        ({"a": torch.ones(4)}, {"a": 5}, "1 to 4 channels, not 5"),
        ({"a": torch.ones(4)}, {"z": 2}, "no group is called `z`"),
    ],
)
def test_make_plan_refuses(scores: dict, widths: dict, sentence: str) -> None:
    with pytest.raises(PruningError, match=sentence):
        make_plan(GROUPS, scores, widths)


def test_whole_groups_need_no_scores() -> None:
    assert make_plan(GROUPS, {}, {"a": 4}) == Plan()
