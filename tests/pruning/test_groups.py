"""Groups are plain data that survives JSON, in little space."""

from __future__ import annotations

import json

import pytest

from paretoprune.pruning.groups import Block, Group, Groups, Slot, row_of_positions
from paretoprune.results import GroupInfo
from paretoprune.results.groups import KeptGroup


def test_row_of_positions() -> None:
    assert row_of_positions(3) == ((0,), (1,), (2,))
    assert row_of_positions(2, start=5, size=3) == ((5, 6, 7), (8, 9, 10))


def test_groups_survive_json(case) -> None:
    groups = Groups(case.groups, (KeptGroup("stem", 8, "a reason"),))
    assert Groups.from_json(json.loads(json.dumps(groups.to_json()))) == groups


def test_irregular_positions_survive_json() -> None:
    slot = Slot("a.weight", 1, ((3, 0), (1, 2)))
    groups = Groups((Group("a", 2, (slot,)),))
    data = json.loads(json.dumps(groups.to_json()))
    assert Groups.from_json(data) == groups
    assert data["prunable"][0]["slots"][0]["positions"] == [[3, 0], [1, 2]]


def test_positions_in_a_row_are_stored_as_two_numbers(vgg) -> None:
    data = Groups(vgg.groups).to_json()
    assert all("positions" not in slot for group in data["prunable"] for slot in group["slots"])


def test_info(vgg) -> None:
    assert [group.info for group in vgg.groups] == [
        GroupInfo("features.0", 8),
        GroupInfo("features.4", 12),
        GroupInfo("classifier.0", 20),
    ]


def test_positions_of_a_channel_are_counted_where_there_is_one_channel_only() -> None:
    assert Slot("a", 0, ((3, 4, 5),)).per_channel == 3


def test_a_block_holds_itself_and_what_lies_in_it_and_no_like_name() -> None:
    block = Block("layer.1", "ReLU", ())
    names = ("layer.1", "layer.1.conv.weight", "layer.10", "layer.10.weight", "layer", "1")
    assert [block.holds(name) for name in names] == [True, True, False, False, False, False]


def test_the_names_in_files_are_those_of_the_first_version() -> None:
    """So that exported models of every version are read."""
    block = Block("layer1.0", "ReLU", ("layer1.0.bn2.weight",))
    group = Group("g", 1, (), scaled_matmuls=(("attention", 0.5),), block=block)
    [data] = json.loads(json.dumps(Groups((group,)).to_json()))["prunable"]
    assert data["works"] == [["attention", 0.5]]
    assert data["block"] == {
        "path": "layer1.0",
        "leaves": "ReLU",
        "silent": ["layer1.0.bn2.weight"],
    }


@pytest.mark.parametrize(
    "positions", [[[0], [-1]], [[-1], [0]], [[0], [1, -2]], [[0]], [[0], [1], [2]], []]
)
def test_positions_are_one_or_more_of_each_channel_from_zero(positions: list[list[int]]) -> None:
    group = Groups((Group("a", 2, (Slot("a.weight", 1, ((3, 0), (1, 2))),)),))
    data = json.loads(json.dumps(group.to_json()))
    text = json.dumps(data).replace("[[3, 0], [1, 2]]", json.dumps(positions))
    with pytest.raises(ValueError, match="are not those of 2 channels"):
        Groups.from_json(json.loads(text))
