"""Paths of allocations, on a network that is a formula: MACs = sum of widths squared."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paretoprune.results import Budget, GroupInfo, Metrics, TrialResult
from paretoprune.search.allocation.paths import (
    Path,
    different_places,
    erdos_renyi_path,
    first_fitting,
    ranking_path,
    sensitivity_path,
    uniform_path,
)
from paretoprune.search.allocation.sensitivity import Sensitivity
from paretoprune.search.budget.budget import RemainingBudget
from paretoprune.search.budget.trial_time import TrialTime
from paretoprune.search.phases.quality_bisection import QualityBisection

GROUPS = (GroupInfo("a", 8), GroupInfo("b", 16), GroupInfo("c", 16, max_ratio=0.5))
SCORES = {"a": [float(i) for i in range(8)], "b": [i / 4 for i in range(16)], "c": [1.0] * 16}
FACTORS = {"a": 0.4, "b": 0.2, "c": 0.1}


def widths_of(ratios: Mapping[str, float]) -> dict[str, int]:
    return {g.name: max(1, round(g.width * (1 - ratios[g.name]))) for g in GROUPS}


def size_of(ratios: Mapping[str, float]) -> float:
    return sum(width * width for width in widths_of(ratios).values())


def paths() -> dict[str, Path]:
    choices = {g.name: [k / 8 for k in range(8) if k / 8 <= g.max_ratio] for g in GROUPS}
    damage = Sensitivity((0.0, 0.5, 1.0), {g.name: (0.0, 1.0, 4.0) for g in GROUPS})
    return {
        "uniform": uniform_path(GROUPS, max_ratio=0.9),
        "erk": erdos_renyi_path(GROUPS, FACTORS, max_ratio=0.9),
        "ranking": ranking_path(GROUPS, SCORES, max_ratio=0.9),
        "sensitivity": sensitivity_path(damage, choices, size_of),
    }


@pytest.mark.parametrize("name", ["uniform", "erk", "ranking", "sensitivity"])
def test_a_path_leads_from_the_dense_model_down_and_keeps_to_caps(name: str) -> None:
    path = paths()[name]
    assert set(path.at(0).values()) == {0.0}
    places = [path.at(i) for i in range(0, path.length, max(1, path.length // 40))]
    for before, after in pairwise(places):
        assert all(after[group] >= before[group] for group in after)
    assert path.at(path.length - 1)["c"] <= 0.5
    assert max(path.at(path.length - 1).values()) <= 0.9


@pytest.mark.parametrize("name", ["uniform", "erk", "ranking", "sensitivity"])
@settings(max_examples=25)
@given(share=st.floats(0.2, 1.0))
def test_the_first_place_that_fits_cannot_be_widened(name: str, share: float) -> None:
    """The target is met, and widening any group of the last step alone would miss it."""
    path, most = paths()[name], share * size_of(dict.fromkeys("abc", 0.0))
    found = first_fitting(path, lambda r: size_of(r) <= most, widths_of)
    assert size_of(found) <= most
    place = next(i for i in range(path.length) if size_of(path.at(i)) <= most)
    before = path.at(max(place - 1, 0))
    for group in found:
        if widths_of(found)[group] != widths_of(before)[group]:
            assert size_of({**found, group: before[group]}) > most


def test_the_erdos_renyi_kernel_keeps_in_proportion() -> None:
    path = erdos_renyi_path(GROUPS[:2], FACTORS, max_ratio=1.0)
    for place in (6000, 8000, 9000):
        kept = {name: 1 - ratio for name, ratio in path.at(place).items()}
        assert kept["a"] == pytest.approx(min(1.0, 2 * kept["b"]))


def test_different_places_differ_in_width() -> None:
    found = different_places(paths()["uniform"], widths_of, most=99)
    widths = [widths_of(ratios) for ratios in found]
    assert all(a != b for a, b in pairwise(widths))
    assert widths[0] != widths_of(dict.fromkeys("abc", 0.0))
    fewer = different_places(paths()["uniform"], widths_of, most=5)
    assert len(fewer) <= 5 and fewer[-1] == found[-1]
    step = -(-len(found) // 5)
    assert fewer == [one for n, one in enumerate(reversed(found)) if n % step == 0][::-1]


@given(st.integers(1, 40), st.integers(0, 40), st.floats(0, 5))
def test_the_bisection_finds_the_smallest_within_the_drop(
    length: int, good: int, drop: float
) -> None:
    """Of places of which the first `good` lose just the drop that is allowed."""
    places = [{"a": (i + 1) / 100} for i in range(length)]
    strategy = QualityBisection(places, lambda m: m.quality["accuracy"] >= 90.0 - drop, "x")
    results = [result(0, {"a": 0.0}, "dense", 90.0)]
    left = RemainingBudget(Budget(99, "trials"), 1.0, lambda macs: TrialTime(1.0, 0.0))
    while (proposal := strategy.propose(len(results), results, [], left)) is not None:
        lost = drop if places.index(dict(proposal.ratios)) < good else drop + 0.1
        results.append(result(len(results), dict(proposal.ratios), "drop", 90.0 - lost))
    assert len(results) - 1 <= length.bit_length()
    tried = [places.index(dict(r.ratios)) for r in results[1:] if strategy.is_good(r)]
    assert max(tried, default=-1) == min(good, length) - 1


def result(number: int, ratios: dict[str, float], origin: str, accuracy: float) -> TrialResult:
    metrics = Metrics({"accuracy": accuracy})
    return TrialResult(number, "complete", origin, ratios, {"a": 1}, metrics, seed=0)
