"""The possible gain of a front, against the area under it."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import pytest

from paretoprune.results import Job, TrialResult
from paretoprune.search.allocation.joint import allocations
from paretoprune.search.allocation.sensitivity import ChannelDamage, Ratios
from paretoprune.search.front.gaps import FrontAxis, Gap, Point, gaps_of, middle, of_size, points_of
from paretoprune.testing import formula
from paretoprune.testing.formula_sweep import QUALITY, SIZES
from tests.search.allocation import test_joint as joint

DAMAGE = ChannelDamage.of(formula.SCORES, formula.widths_of)
DENSE = dict.fromkeys(SIZES.choices, 0.0)


def trial(number: int, ratio: float, accuracy: float, origin: str = "auto") -> TrialResult:
    ratios = {group.name: ratio for group in formula.GROUPS}
    result = formula.evaluate(Job(number, origin, ratios, formula.widths_of(ratios), 0))
    return replace(result, metrics=replace(result.metrics, quality={"accuracy": accuracy}))


def area(results: Sequence[TrialResult]) -> float:
    """Under the best accuracy of at most a size, over its logarithm; 1: dense at all sizes."""
    edges = sorted({SIZES.least, *(SIZES.size_of(r.ratios) for r in results)})
    total = 0.0
    for low, high in pairwise(edges):
        fitting = [
            r.metrics.quality.get("accuracy", 0) for r in results if SIZES.size_of(r.ratios) <= low
        ]
        total += math.log(high / low) * max(fitting, default=0.0)
    dense = next(r.metrics.quality.get("accuracy", 0) for r in results if r.ratios == DENSE)
    return total / math.log(SIZES.dense / SIZES.least) / dense


def some_results(seed: int) -> list[TrialResult]:
    dice = random.Random(seed)
    ratios = dice.sample([n / 16 for n in range(1, 14)], 6)
    found = [trial(n, ratio, dice.uniform(20, 90)) for n, ratio in enumerate(ratios, 1)]
    return [trial(0, 0.0, 95), *found]


@pytest.mark.parametrize("seed", range(20))
def test_a_gain_is_what_a_model_in_the_gap_adds_at_most(seed: int) -> None:
    results = some_results(seed)
    gaps = gaps_of(results, SIZES, QUALITY, tried="")
    assert [gap.gain for gap in gaps] == sorted((gap.gain for gap in gaps), reverse=True)
    for gap in gaps:
        if gap.smaller.trial is None:
            smallest = {group.name: 0.9 for group in formula.GROUPS}
            best = replace(results[0], ratios=smallest)
        else:
            best = replace(gap.smaller.trial, number=99)
        best = replace(best, metrics=replace(best.metrics, quality={"accuracy": gap.larger.value}))
        assert area([*results, best]) - area(results) == pytest.approx(gap.gain)


@pytest.mark.parametrize("seed", range(5))
def test_the_points_are_the_front(seed: int) -> None:
    results = some_results(seed)
    best = [
        r.number
        for r in results
        if not any(
            SIZES.size_of(o.ratios) <= SIZES.size_of(r.ratios)
            and o.metrics.quality.get("accuracy", 0) > r.metrics.quality.get("accuracy", 0)
            for o in results
        )
    ]
    points = points_of(results, SIZES, QUALITY)
    assert sorted(p.trial.number for p in points if p.trial) == sorted(best)
    assert [p.size for p in points] == sorted((p.size for p in points), reverse=True)


@pytest.mark.parametrize("order", [(60, 50, 70), (70, 60, 50), (50, 60, 70)])
def test_of_models_of_one_size_the_best_alone_is_a_point(order: tuple[float, ...]) -> None:
    same = [trial(n, 0.75, accuracy, "refill") for n, accuracy in enumerate(order, 1)]
    results = [trial(0, 0.0, 95), *same]
    for tried in ("", "refill"):
        points = points_of(results, SIZES, QUALITY, tried=tried)
        assert [(point.size, point.value) for point in points] == [(64, 95), (16, 70)]
        gaps = gaps_of(results, SIZES, QUALITY, tried=tried)
        assert {(gap.larger.value, gap.smaller.value) for gap in gaps} == {(95, 70), (70, 0)}


def test_what_was_tried_in_vain_divides_a_gap_and_others_do_not() -> None:
    results = [trial(0, 0.0, 95), trial(1, 0.75, 60), trial(2, 0.5, 40, origin="refill")]
    whole = gaps_of(results, SIZES, QUALITY, tried="")
    assert (whole[0].larger.size, whole[0].smaller.size) in ((64, 16), (16, SIZES.least))
    sizes = {(gap.larger.size, gap.smaller.size) for gap in whole}
    divided = gaps_of(results, SIZES, QUALITY, tried="refill")
    assert sizes == {(64, 16), (16, SIZES.least)}
    assert {(g.larger.size, g.smaller.size) for g in divided} == {
        (64, 32), (32, 16), (16, SIZES.least)
    }  # fmt: skip
    assert {g.gain for g in divided if g.smaller.size == 16} == {0.0}


def test_the_middle_is_halfway_in_the_logarithm_where_limits_allow_it() -> None:
    gap = gaps_of([trial(0, 0.0, 95)], SIZES, QUALITY, tried="")[0]
    found = middle(gap, SIZES, DAMAGE, start=DENSE, fits=lambda ratios: True)
    assert found is not None
    assert SIZES.size_of(found) == math.floor(math.sqrt(64 * SIZES.least))
    lower = middle(gap, SIZES, DAMAGE, start=DENSE, fits=lambda r: SIZES.size_of(r) <= 12)
    assert lower is not None and SIZES.size_of(lower) == 12
    assert middle(gap, SIZES, DAMAGE, start=DENSE, fits=lambda ratios: False) is None


def test_a_gap_without_a_size_inside_has_no_middle() -> None:
    for larger, smaller in ((16.0, 15.0), (SIZES.least + 1, SIZES.least)):
        gap = Gap(Point(larger, 60.0, None), Point(smaller, 50.0, None), 0.1)
        assert middle(gap, SIZES, DAMAGE, start=DENSE, fits=lambda ratios: True) is None
    gap = Gap(Point(17.0, 60.0, None), Point(14.0, 50.0, None), 0.1)
    found = middle(gap, SIZES, DAMAGE, start=DENSE, fits=lambda ratios: True)
    assert found is not None and SIZES.size_of(found) == 15
    start = {group.name: 0.75 for group in formula.GROUPS}  # as small as the larger one already
    gap = Gap(Point(16.0, 60.0, None), Point(4.0, 50.0, None), 0.1)
    assert middle(gap, SIZES, DAMAGE, start=start, fits=lambda ratios: False) is None


def test_without_a_worst_value_the_worst_that_was_seen_counts() -> None:
    quality = FrontAxis(QUALITY.of, -math.inf)
    assert gaps_of([trial(0, 0.0, 95)], SIZES, quality, tried="")[0].gain == 0.0
    gaps = gaps_of([trial(0, 0.0, 95), trial(1, 0.75, 60)], SIZES, quality, tried="")
    assert [gap.gain > 0 for gap in gaps] == [True, False]
    assert gaps_of([], SIZES, quality, tried="") == []


def test_a_running_trial_divides_a_gap_on_the_line_between_its_ends() -> None:
    """Of the quality over the logarithm of the size; what it leaves comes last."""
    results = [trial(0, 0.0, 95), trial(1, 0.75, 60)]  # sizes 64 and 16
    ratios = {group.name: 0.5 for group in formula.GROUPS}
    job = Job(2, "auto", ratios, formula.widths_of(ratios), 0)
    found = gaps_of(results, SIZES, QUALITY, tried="", running=[job])
    ends = [(g.larger.size, g.larger.value, g.smaller.size, g.smaller.value) for g in found]
    assert ends[0] == (16, 60, SIZES.least, 0)
    assert sorted(ends[1:]) == [(32, 77.5, 16, 60), (64, 95, 32, 77.5)]
    whole = math.log(SIZES.dense / SIZES.least) * 95
    assert [g.gain for g in found[1:]] == pytest.approx([math.log(2) * 17.5 / whole] * 2)


@pytest.mark.parametrize("ratio", [0.0, 0.75])
def test_a_running_trial_of_a_size_that_is_there_divides_nothing(ratio: float) -> None:
    results = [trial(0, 0.0, 95), trial(1, 0.75, 60)]
    ratios = {group.name: ratio for group in formula.GROUPS}
    job = Job(2, "auto", ratios, formula.widths_of(ratios), 0)
    assert gaps_of(results, SIZES, QUALITY, tried="", running=[job]) == gaps_of(
        results, SIZES, QUALITY, tried=""
    )


def test_of_several_allocations_the_one_that_diverges_least_is_taken() -> None:
    gap = gaps_of([trial(0, 0.0, 95)], SIZES, QUALITY, tried="")[0]
    asked: list[object] = []
    found = middle(
        gap,
        SIZES,
        DAMAGE,
        start=DENSE,
        fits=lambda r: True,
        divergence=lambda r: asked.append(r) or 0.0,
    )
    assert found is not None and asked == []  # channels alone have one allocation


def test_quantized_models_stand_for_their_trial_where_bits_are_searched() -> None:
    """Their sizes are those of their files; the gap between those of one trial counts, too."""
    small = SIZES.least * 4

    def quantized(result: TrialResult) -> list[tuple[float, float]]:
        return [] if result.number == 2 else [(small, 80.0), (small / 2, 70.0)][: 2 - result.number]

    joint = replace(QUALITY, quantized=quantized)
    results = [trial(0, 0.0, 95), trial(1, 0.5, 90), trial(2, 0.6, 99)]
    points = points_of(results[:1], SIZES, joint)
    assert [(p.size, p.value) for p in points] == [(small, 80.0), (small / 2, 70.0)]
    assert all(p.trial is results[0] for p in points)
    gaps = gaps_of(results, SIZES, joint, tried="")
    assert {(g.larger.size, g.smaller.size) for g in gaps} == {
        (small, small / 2),
        (small / 2, SIZES.least),
    }


def test_a_tried_trial_without_quantized_models_divides_the_gap() -> None:
    joint = replace(QUALITY, quantized=lambda r: [(SIZES.dense, 90.0)] if r.number == 0 else [])
    results = [trial(0, 0.0, 95), trial(1, 0.5, 90, origin="refill")]
    sizes = [g.smaller.size for g in gaps_of(results, SIZES, joint, tried="refill")]
    assert sorted(sizes) == [SIZES.least, SIZES.size_of(results[1].ratios)]


def test_both_parts_of_a_gap_that_is_being_divided_come_last() -> None:
    """One of their ends is running, the other is known."""
    results = [trial(0, 0.0, 95), trial(1, 0.5, 40), trial(2, 0.75, 38)]
    ratios = {group.name: 0.25 for group in formula.GROUPS}
    running = [Job(3, "auto", ratios, formula.widths_of(ratios), 0)]
    found = gaps_of(results, SIZES, QUALITY, tried="", running=running)
    parts = [gap for gap in found if SIZES.size_of(ratios) in (gap.larger.size, gap.smaller.size)]
    assert found[-2:] == parts and len(parts) == 2
    assert parts[0].gain > found[1].gain, "they would come first, for what they may gain"


def test_with_ranks_the_allocation_of_a_size_that_diverges_least_is_taken() -> None:
    target = joint.SIZES.dense / 2
    candidates = allocations(
        joint.DAMAGE,
        joint.SIZES,
        start=joint.DENSE,
        target=target,
        enough=lambda r: joint.SIZES.size_of(r) <= target,
        most=2,
    )
    assert len(candidates) == 2

    def found(divergence: Callable[[Ratios], float] | None) -> Ratios:
        return of_size(
            target,
            joint.SIZES,
            joint.DAMAGE,
            start=joint.DENSE,
            fits=lambda r: True,
            divergence=divergence,
        )

    for wanted in candidates:
        assert found(lambda r, wanted=wanted: float(r != wanted)) == wanted  # type: ignore[misc]
    assert found(None) == candidates[0]
