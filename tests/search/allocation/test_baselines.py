"""Baselines and repairs on a network that is a formula: MACs = sum of widths squared."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paretoprune.results import Cost, GroupInfo
from paretoprune.search.allocation.baselines import (
    baselines,
    global_ratios,
    repair_ratios,
    uniform,
    uniform_ratios,
)

GROUPS = (GroupInfo("a", 8), GroupInfo("b", 16))
SCORES = {"a": [float(i) for i in range(8)], "b": [i / 4 for i in range(16)]}


def cost_of(ratios: Mapping[str, float]) -> Cost:
    widths = [max(1, round(g.width * (1 - ratios[g.name]))) for g in GROUPS]
    return Cost(params=sum(widths), macs=sum(w * w for w in widths))


def at_most(macs: float) -> Callable[[Mapping[str, float]], bool]:
    return lambda ratios: cost_of(ratios).macs <= macs


def test_every_sweep_begins_with_dense_uniform_and_global() -> None:
    found = baselines(GROUPS, SCORES, cost_of, ratios=[0.5, 0.25], max_ratio=0.9)
    assert [p.origin for p in found] == ["dense", "uniform", "global", "uniform", "global"]
    assert found[0].ratios == {"a": 0.0, "b": 0.0}
    assert found[1].ratios == {"a": 0.25, "b": 0.25}
    assert cost_of(found[4].ratios).macs <= cost_of(found[3].ratios).macs


def test_global_ranking_removes_what_scores_below_one_threshold() -> None:
    """The threshold 1.5 is the lowest that meets 120 MACs: 6 x 6 + 9 x 9 = 117 remain."""
    ratios = global_ratios(GROUPS, SCORES, at_most(120), max_ratio=0.9)
    assert ratios == {"a": 2 / 8, "b": 7 / 16}
    assert cost_of(ratios).macs == 117


def test_global_ranking_leaves_something_of_every_group() -> None:
    scores = {"a": [0.0] * 8, "b": [9.0] * 16}
    ratios = global_ratios(GROUPS, scores, at_most(260), max_ratio=0.75)
    assert ratios == {"a": 0.75, "b": 0.0}


@given(st.floats(0.02, 1.0))
def test_uniform_ratio_is_the_smallest_that_fits(share: float) -> None:
    most = share * cost_of(uniform(GROUPS, 0.0)).macs
    ratio = uniform_ratios(GROUPS, at_most(most), max_ratio=0.99)["a"]
    assert cost_of(uniform(GROUPS, ratio)).macs <= most
    assert ratio == 0 or cost_of(uniform(GROUPS, ratio - 1e-4)).macs > most


@given(st.floats(0, 0.9), st.floats(0, 0.9), st.integers(4, 320))
def test_repair_raises_ratios_only_as_far_as_needed(a: float, b: float, most: int) -> None:
    asked = {"a": a, "b": b}
    repaired = repair_ratios(asked, lambda r: cost_of(r).macs <= most, max_ratio=0.9)
    if cost_of(asked).macs <= most:
        assert repaired == asked
    else:
        assert all(repaired[name] >= asked[name] for name in asked)
        assert cost_of(repaired).macs <= most or repaired == pytest.approx({"a": 0.9, "b": 0.9})
