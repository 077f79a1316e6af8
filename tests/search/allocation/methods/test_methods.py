"""The contract of allocations, of every config and of one's own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from paretoprune.config.compose import compose_options, targets_of
from paretoprune.config.instantiate import build
from paretoprune.config.load import load_settings
from paretoprune.config.target import Target
from paretoprune.errors import SettingsError
from paretoprune.pruning.scorers.data_free.lamp import lamp
from paretoprune.results import GroupInfo
from paretoprune.search.allocation.methods.interface import (
    Allocation,
    AllocationContext,
    Path,
    Ratios,
)
from paretoprune.search.allocation.methods.lamp import lamp_scores
from paretoprune.search.allocation.methods.uniform import Uniform
from paretoprune.testing import check_allocation
from tests.config.test_load import composed

FOUND = targets_of("allocation")


@pytest.mark.parametrize("name", FOUND)
def test_the_kit(name: str) -> None:
    check_allocation(build(Target(path=FOUND[name])))


@dataclass(frozen=True)
class FirstOnly(Allocation):
    """One group alone is pruned: the smallest candidate is larger than what is asked for."""

    def path(self, context: AllocationContext, /) -> Path:
        rest = {group.name: 0.0 for group in context.groups[1:]}
        first = context.groups[0]
        return Path(90, lambda place: {first.name: first.uniform(place / 100), **rest})


class Beyond(Uniform):
    """Ratios beyond the cap of a group."""

    def path(self, context: AllocationContext, /) -> Path:
        free = [replace(group, max_ratio=1.0) for group in context.groups]
        return super().path(replace(context, groups=free))


class Backwards(Uniform):
    def path(self, context: AllocationContext, /) -> Path:
        path = super().path(context)
        return Path(path.length, lambda place: path.at((place * 7) % path.length))


class Begun(Uniform):
    def path(self, context: AllocationContext, /) -> Path:
        path = super().path(context)
        return Path(path.length - 100, lambda place: path.at(place + 100))


class Missing(Uniform):
    def path(self, context: AllocationContext, /) -> Path:
        return super().path(replace(context, groups=context.groups[1:]))


class TooLarge(Uniform):
    def of_size(self, context: AllocationContext, most: float, /) -> Ratios:
        return super().of_size(context, 1.2 * most)


class Random(Uniform):
    calls: list[int] = []  # noqa: RUF012

    def of_size(self, context: AllocationContext, most: float, /) -> Ratios:
        self.calls.append(1)
        return super().of_size(context, most * (1 - len(self.calls) / 100))


def test_ones_own_keeps_the_contract() -> None:
    check_allocation(FirstOnly())


@pytest.mark.parametrize(
    ("allocation", "message"),
    [
        (Beyond(), "capped loses 0.*, at most 0.5 is allowed"),
        (Backwards(), "becomes wider"),
        (Begun(), "begins with"),
        (Missing(), "the ratios are of"),
        (TooLarge(), "was asked for"),
        (Random(), "not deterministic"),
    ],
)
def test_the_kit_finds_what_is_wrong(allocation: Allocation, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_allocation(allocation)


@given(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0, 3.0]), min_size=1, max_size=12))
def test_lamp_scores_are_those_of_the_scorer(scores: list[float]) -> None:
    squares = torch.tensor(scores, dtype=torch.float64).square()
    assert lamp_scores({"a": scores})["a"] == lamp(squares).tolist()


def test_lamp_does_not_depend_on_the_scale_of_a_group() -> None:
    scores = [0.5, 4.0, 0.25, 1.0]
    assert lamp_scores({"a": scores}) == lamp_scores({"a": [8 * score for score in scores]})


def test_large_layers_lose_a_larger_share_by_the_kernel() -> None:
    """Density in proportion to the sum of the dimensions over their product."""
    shapes = {"a": [(4, 4, 3, 3)], "b": [(16, 4, 3, 3)], "c": [(16, 16, 3, 3), (16, 1, 3, 3)]}
    factors = {"a": 14 / 144, "b": 26 / 576, "c": (38 + 23) / (2304 + 144)}
    path = build(Target(path=FOUND["erk"])).path(context_of(shapes))
    for ratios in (path.at(5000), path.at(8000)):
        kept = [(1 - ratios[name]) / factor for name, factor in factors.items()]
        whole = [scale for name, scale in zip(factors, kept, strict=True) if ratios[name] > 0]
        assert len(whole) > 1
        assert all(one == pytest.approx(other) for one, other in pairwise(whole))


def context_of(shapes: dict[str, list[tuple[int, ...]]]) -> AllocationContext:
    return AllocationContext(
        groups=[GroupInfo(name, 100) for name in shapes],
        max_ratio=1.0,
        scores={},
        shapes=shapes,
        size_of=lambda _ratios: 0.0,
        widths_of=lambda _ratios: {},
        choices=dict,
        sensitivity=lambda: pytest.fail("not asked for"),
    )


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (("allocation._target_=collections.OrderedDict",), "outside the trusted packages"),
        (
            ("allocation._target_=paretoprune.trial.schedules.one_shot.OneShot",),
            "is no allocation, which has the methods path, of_size; "
            "see docs/how-to/add-an-allocation.md",
        ),
        (("+allocation.steps=3",), "`allocation.steps` is not an argument of"),
        (
            ("+sparsity.allocation=score",),
            "`sparsity.allocation` is not a setting; write `allocation=score`",
        ),
        (
            ("allocation=score", "search=random", "name=x"),
            "`allocation=score` divides the target of a single run, and a search divides its sizes",
        ),
        (
            ("allocation=erk", "sparsity.ratio=0.5"),
            "`allocation=erk` divides a size or a drop of the quality",
        ),
    ],
)
def test_what_has_no_effect_or_cannot_be_one_is_reported(
    overrides: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(SettingsError) as error:
        load_settings(composed(*overrides))
    assert len(error.value.mistakes) == 1 and sentence in error.value.mistakes[0]


def test_an_allocation_is_named_from_python_as_on_the_command_line() -> None:
    settings = load_settings(compose_options({"allocation": "score"}))
    assert settings.allocation.path == FOUND["score"]
