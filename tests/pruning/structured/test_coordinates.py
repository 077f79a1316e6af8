"""Pruning in steps and warm starts give, bit by bit, what pruning at once gives."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from paretoprune.errors import PruningError
from paretoprune.pruning.dependency.proof import random_plan
from paretoprune.pruning.groups import Block, Group, Number, Slot, row_of_positions
from paretoprune.pruning.structured.apply import apply_plan, slice_tensors
from paretoprune.pruning.structured.coordinates import (
    compose,
    relative_plan,
    remaining,
    restrict_groups,
)
from paretoprune.pruning.structured.plan import Plan


def nested(groups, seed: int = 0) -> tuple[Plan, Plan, Plan]:
    """A plan, a second for the model that it leaves, and both as one."""
    first = random_plan(groups, seed=seed)
    second = random_plan([g for g in restrict_groups(groups, first) if g.width > 1], seed=seed + 1)
    return first, second, compose(groups, first, second)


def same_state(one, other) -> bool:
    a, b = one.state_dict(), other.state_dict()
    return list(a) == list(b) and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("seed", range(3))
def test_two_steps_equal_one(case, seed: int) -> None:
    first, second, both = nested(case.groups, seed)
    step = apply_plan(case.model, case.groups, first)
    twice = apply_plan(step, restrict_groups(case.groups, first), second)
    once = apply_plan(case.model, case.groups, both)
    assert same_state(twice, once)
    assert torch.equal(twice(case.example), once(case.example))
    assert restrict_groups(restrict_groups(case.groups, first), second) == restrict_groups(
        case.groups, both
    )


def test_a_warm_start_from_a_wider_model(case) -> None:
    wider, second, narrower = nested(case.groups)
    assert relative_plan(case.groups, wider, narrower) == second
    weights = apply_plan(case.model, case.groups, wider).state_dict()
    sliced = slice_tensors(weights, restrict_groups(case.groups, wider), second)
    target = apply_plan(case.model, case.groups, narrower)
    expected = {name: tensor.clone() for name, tensor in target.state_dict().items()}
    target.load_state_dict(sliced)
    assert all(torch.equal(target.state_dict()[name], expected[name]) for name in expected)


@settings(max_examples=60)
@given(st.sets(st.integers(0, 9), max_size=8), st.data())
def test_compose_and_relative_plan_are_inverse(gone: set[int], data: st.DataObject) -> None:
    groups = [Group("a", 10, (Slot("a.weight", 0, row_of_positions(10)),))]
    first = Plan({"a": tuple(gone)})
    left = 10 - len(gone)
    more = data.draw(st.sets(st.integers(0, left - 1), max_size=left - 1))
    second = Plan({"a": tuple(more)})
    both = compose(groups, first, second)
    kept = remaining(groups, first)["a"]
    assert set(remaining(groups, both)["a"]) == {kept[c] for c in range(left) if c not in more}
    assert relative_plan(groups, first, both) == second


def test_remaining_names_dense_channels(vgg) -> None:
    kept = remaining(vgg.groups, Plan({"features.0": (0, 2, 7)}))
    assert kept["features.0"] == (1, 3, 4, 5, 6)
    assert kept["features.4"] == tuple(range(12))
    with pytest.raises(PruningError, match="channels are 0 to 7"):
        remaining(vgg.groups, Plan({"features.0": (8,)}))


def test_what_lies_in_blocks_that_are_gone_leaves_the_groups() -> None:
    """Slots, numbers and works of two blocks, and of what lies beside them under a like name."""
    paths, places = ("b.1", "b.2", "b.10"), row_of_positions(4)
    group = Group(
        "a",
        4,
        tuple(Slot(f"{path}.weight", 0, places) for path in paths),
        tuple(Number(path, "num_heads", 1) for path in paths),
        tuple((f"{path}.attention", 0.5) for path in paths),
    )
    blocks = [
        Group(path, 1, (), block=Block(path, "Identity", (f"{path}.weight",))) for path in paths[:2]
    ]
    left, *_ = restrict_groups([group, *blocks], Plan({"b.1": (0,), "b.2": (0,), "a": (0,)}))
    assert left.slots == (Slot("b.10.weight", 0, row_of_positions(3)),)
    assert left.numbers == (Number("b.10", "num_heads", 1),)
    assert left.scaled_matmuls == (("b.10.attention", 0.5),)


def test_a_narrower_plan_must_remove_a_superset(vgg) -> None:
    with pytest.raises(PruningError, match=r"`features\.0`: the narrower"):
        relative_plan(vgg.groups, Plan({"features.0": (0,)}), Plan({"features.0": (1, 2)}))
    for wrong in ((0, 99), tuple(range(8)), (-1, 0)):
        with pytest.raises(PruningError, match="the plan removes"):
            relative_plan(vgg.groups, Plan({"features.0": (0,)}), Plan({"features.0": wrong}))


def test_the_second_plan_is_checked_in_its_own_coordinates(vgg) -> None:
    with pytest.raises(PruningError, match="channels are 0 to 6"):
        compose(vgg.groups, Plan({"features.0": (0,)}), Plan({"features.0": (7,)}))
