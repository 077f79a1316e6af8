"""Pick rules on fronts made by hand, against brute force, and what they say when nothing fits."""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from paretoprune.errors import PickError
from paretoprune.metrics import Direction
from paretoprune.pick.rules import PickRequest, choose
from paretoprune.results import Metrics, TrialResult
from paretoprune.results.trials import QuantizedResult, models_of
from paretoprune.search.front.spread import unit_points
from tests.report.kit import DENSE, OBJECTIVES, front_of, sweep, trial

FRONT = [
    trial(0, 98.0, 30_000_000, latency_ms=3.0),
    trial(1, 97.0, 10_000_000, latency_ms=1.5),
    trial(2, 96.5, 3_000_000, latency_ms=1.4),
    trial(3, 80.0, 1_000_000, latency_ms=1.6),
]
OFF = [
    trial(4, 90.0, 20_000_000),
    trial(5, None, None, state="failed", reason="loss became NaN"),
    trial(6, 98.0, 30_000_000, state="duplicate", duplicate_of=0),
]


def picks(
    request: PickRequest,
    results: list[TrialResult] | None = None,
    objectives: dict[str, Direction] = OBJECTIVES,
) -> list[int]:
    results = [*FRONT, *OFF] if results is None else results
    front = front_of(results, objectives)
    chosen = choose(results, front=front, dense=DENSE, request=request, objectives=objectives)
    return [trial.number for trial in chosen]


def pick(
    request: PickRequest,
    results: list[TrialResult] | None = None,
    objectives: dict[str, Direction] = OBJECTIVES,
) -> int:
    [number] = picks(request, results, objectives)
    return number


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("knee", 2),
        ("most_accurate", 0),
        ("max_accuracy", 0),
        ("cheapest", 3),
        ("smallest", 3),
        ("min_macs", 3),
        ("fastest", 2),
        ("max_latency_ms", 0),
        ("min_accuracy", 3),
    ],
)
def test_rules(rule: str, expected: int) -> None:
    assert pick(PickRequest(rules=(rule,))) == expected


def test_the_smallest_file_need_not_have_the_fewest_parameters() -> None:
    sizes = {0: 900_000, 1: 200_000, 2: 150_000, 3: 160_000}
    results = [replace(t, metrics=replace(t.metrics, size_bytes=sizes[t.number])) for t in FRONT]
    assert pick(PickRequest(rules=("min_size",)), results) == 2


def test_the_knee_is_the_default() -> None:
    assert pick(PickRequest()) == 2


@given(st.integers(0, 2000), st.integers(9, 40))
def test_the_knee_is_farthest_from_the_line_between_the_extremes(seed: int, count: int) -> None:
    results = sweep(count, seed=seed)
    members = [results[number] for number in front_of(results, OBJECTIVES)]
    spots = {m.number: _spot(m) for m in members}
    (x0, y0), (x1, y1) = min(spots.values()), max(spots.values())
    assume(x1 > x0)

    def distance(spot: tuple[float, float]) -> float:
        """Signed distance to the chord, both axes scaled to 1; positive is above it."""
        u, v = (spot[0] - x0) / (x1 - x0), (spot[1] - y0) / (y1 - y0)
        return (v - u) / math.sqrt(2)

    best = max(distance(spot) for spot in spots.values())
    chosen = pick(PickRequest(), results)
    assert distance(spots[chosen]) == pytest.approx(best, abs=1e-9)


def _spot(result: TrialResult) -> tuple[float, float]:
    measured = result.metrics.measured()
    return math.log(measured["macs"]), measured["accuracy"]


def test_the_knee_of_one_and_of_two_points() -> None:
    assert pick(PickRequest(), [FRONT[3]]) == 3
    assert pick(PickRequest(), [FRONT[3], FRONT[0]]) == 0  # a tie is decided by the better quality


def test_the_knee_of_a_front_without_a_bulge_is_a_pruned_model() -> None:
    dense = trial(0, 98.0, 30_000_000, origin="dense")
    sagging = trial(1, 80.5, 10_000_000)
    assert pick(PickRequest(), [dense, sagging, FRONT[3]]) == 3
    assert pick(PickRequest(), [dense]) == 0


def test_the_knee_of_equal_points_is_the_first() -> None:
    assert pick(PickRequest(), [trial(7, 90.0, 10), trial(2, 90.0, 10)]) == 2


def test_the_knee_with_three_objectives_is_the_most_balanced() -> None:
    objectives: dict[str, Direction] = {**OBJECTIVES, "latency_ms": "minimize"}
    assert pick(PickRequest(), FRONT, objectives) == 2


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"max_macs": 9_999_999}, 2),
        ({"max_macs": 10_000_000}, 1),
        ({"min_accuracy": 97.5}, 0),
        ({"max_accuracy_drop": 1.4}, 0),
        ({"max_accuracy_drop": 1.4, "max_latency_ms": 1.5}, 1),
        ({}, 0),
    ],
)
def test_limits_come_before_the_rule(limits: dict[str, float], expected: int) -> None:
    assert pick(PickRequest(rules=("max_accuracy",), limits=limits)) == expected


def test_trials_by_their_numbers_and_several_rules() -> None:
    assert pick(PickRequest(trials=(3,))) == 3
    assert picks(PickRequest(trials=(3, 1, 3))) == [3, 1]
    assert picks(PickRequest(rules=("cheapest", "knee", "fastest"))) == [3, 2]


def test_a_spread_reaches_from_one_end_to_the_other() -> None:
    assert picks(PickRequest(rules=("spread",), count=1)) == [0]
    assert picks(PickRequest(rules=("spread",), count=2)) == [0, 3]
    assert picks(PickRequest(rules=("spread",))) == [0, 1, 2, 3]
    assert picks(PickRequest(rules=("spread",), count=9)) == [0, 1, 2, 3]
    dense = trial(9, 99.0, 50_000_000, origin="dense")
    assert picks(PickRequest(rules=("spread",), count=9), [*FRONT, dense]) == [0, 1, 2, 3]
    assert picks(PickRequest(rules=("spread",)), [dense]) == [9]


@given(st.integers(0, 500), st.integers(2, 6))
def test_a_spread_leaves_gaps_at_most_twice_the_least_possible(seed: int, count: int) -> None:
    results = sweep(18, seed=seed)
    members = [results[number] for number in front_of(results, OBJECTIVES)]
    points = dict(zip([m.number for m in members], unit_points(members, OBJECTIVES), strict=True))

    def gap(taken: tuple[int, ...]) -> float:
        return max(min(math.dist(p, points[t]) for t in taken) for p in points.values())

    chosen = picks(PickRequest(rules=("spread",), count=count), results)
    assert len(chosen) == min(count, len(members))
    least = min(gap(taken) for taken in itertools.combinations(points, len(chosen)))
    assert gap(tuple(chosen)) <= 2 * least + 1e-9


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        (PickRequest(trials=(17,)), "no trial 17 in this sweep; the front is: 0, 1, 2, 3"),
        (PickRequest(trials=(4,)), "trial 4 is not on the front"),
        (PickRequest(trials=(5,)), r"trial 5 is failed \(loss became NaN\)"),
        (PickRequest(trials=(6,)), "same architecture as trial 0"),
        (PickRequest(rules=("good",)), "`rule=good` is not known; take `knee`"),
        (PickRequest(rules=("spread",), count=0), "`n=0` must be 1 or more"),
        (PickRequest(count=3), "`n` needs `rule=spread`"),
        (PickRequest(rules=("max_size",)), "`rule=max_size` is not known"),
        (PickRequest(rules=("min_f1",)), "needs f1, which this sweep did not measure"),
        (PickRequest(limits={"macs": 5}), "`macs` is no limit; write `max_accuracy_drop`"),
        (PickRequest(limits={"most_macs": 5}), "`most_macs` is no limit; write"),
        (PickRequest(limits={"max_mac": 5}), r"is no limit; did you mean `max_macs`\? write"),
        (PickRequest(limits={"min_acuracy": 5}), r"did you mean `min_accuracy`\? write"),
        (PickRequest(limits={"max_loss": 5}), "needs loss, which this sweep did not measure"),
    ],
)
def test_impossible_requests_are_rejected(request_: PickRequest, sentence: str) -> None:
    with pytest.raises(PickError, match=sentence):
        pick(request_)


def test_an_empty_front_is_reported() -> None:
    with pytest.raises(PickError, match="front is empty: of 1 trials 0 are complete"):
        pick(PickRequest(), [OFF[1]])


def test_the_nearest_is_named_when_nothing_satisfies() -> None:
    with pytest.raises(PickError) as caught:
        pick(PickRequest(limits={"max_macs": 900_000, "min_accuracy": 79.0}))
    assert str(caught.value) == (
        "no trial of the front satisfies `max_macs` and `min_accuracy`; nearest is trial 3 "
        "(accuracy 80.00 %, macs 1M): `max_macs=1000000`"
    )
    with pytest.raises(PickError, match=r"trial 3 does not satisfy .*`max_accuracy_drop=18\.3`"):
        pick(PickRequest(trials=(3,), limits={"max_accuracy_drop": 1.0}))


@pytest.mark.parametrize(
    ("macs", "accuracy", "proposed"),
    [
        (123_456, 81.23789, "max_macs=123500 min_accuracy=81.23"),
        (123_400, 81.23, "max_macs=123400 min_accuracy=81.23"),
        (98_761_234, 9.87654, "max_macs=98770000 min_accuracy=9.876"),
        (87, 0.0, "max_macs=87 min_accuracy=0"),
    ],
)
def test_a_limit_is_proposed_with_four_digits_on_its_own_side(
    macs: int, accuracy: float, proposed: str
) -> None:
    with pytest.raises(PickError) as caught:
        pick(PickRequest(limits={"max_macs": 5, "min_accuracy": 99}), [trial(0, accuracy, macs)])
    assert str(caught.value).endswith(f": `{proposed}`")


@given(
    st.integers(0, 500),
    st.floats(1e3, 1e7),
    st.floats(0.001, 60),
    st.floats(50, 100),
)
def test_the_limit_that_is_proposed_is_satisfied_by_the_nearest(
    seed: int, max_macs: float, drop: float, min_accuracy: float
) -> None:
    results = sweep(20, seed=seed)
    limits = {"max_macs": max_macs, "max_accuracy_drop": drop, "min_accuracy": min_accuracy}
    try:
        chosen = pick(PickRequest(limits=limits), results)
    except PickError as error:
        nearest = re.search(r"nearest is trial (\d+) ", str(error))
        proposed = re.findall(r"`([^`]+=[^`]+)`", str(error))[-1].split()
        assert nearest
        loosened = limits | {n: float(v) for n, _, v in (p.partition("=") for p in proposed)}
        assert pick(PickRequest(trials=(int(nearest[1]),), limits=loosened), results) == int(
            nearest[1]
        )
    else:
        metrics = results[chosen].metrics.measured()
        assert metrics["macs"] <= max_macs
        assert metrics["accuracy"] >= max(min_accuracy, 98.3 - drop)


ERRORS: dict[str, Direction] = {"rmse": "minimize", "macs": "minimize"}


def rated(number: int, rmse: float, macs: int) -> TrialResult:
    return replace(trial(number, None, macs), metrics=Metrics({"rmse": rmse}, macs=macs))


RATED = [rated(0, 0.5, 1000), rated(1, 0.52, 400), rated(2, 0.9, 50)]


@pytest.mark.parametrize(
    ("rule", "limits", "expected"),
    [
        ("best", {}, 0),
        ("cheapest", {}, 2),
        ("min_rmse", {}, 0),
        ("cheapest", {"max_drop": 0.01}, 1),  # 0.52 retains 99 %
        ("cheapest", {"max_drop": 0.009}, 0),
        ("cheapest", {"min_quality": 0.6}, 1),
        ("cheapest", {"max_rmse": 0.6}, 1),
    ],
)
def test_rules_and_limits_of_an_error(rule: str, limits: dict[str, float], expected: int) -> None:
    [picked] = choose(
        RATED,
        front=front_of(RATED, ERRORS),
        dense=RATED[0].metrics,
        request=PickRequest(rules=(rule,), limits=limits),
        objectives=ERRORS,
        trivial={"rmse": 2.5},
    )
    assert picked.number == expected


@pytest.mark.parametrize(
    ("limits", "trivial", "sentence"),
    [
        ({"max_drop": 0.01}, {}, "than the trivial predictor; write `min_quality`"),
        ({"max_drop": 0.01}, {"rmse": 0.4}, "than the trivial predictor; write `min_quality`"),
        ({"max_drop": 1.0}, {"rmse": 2.5}, "must be a share, such as 1% or 0.01"),
        ({"max_accuracy_drop": 1.0}, {"rmse": 2.5}, "`max_drop=1%` is of any quality"),
        ({"min_quality": 0.3}, {}, r"nearest is trial 0 .*: `min_quality=0.5`"),
        ({"max_drop": 0.001, "max_macs": 400}, {"rmse": 2.5}, r"trial 1 .*: `max_drop=0\.01"),
    ],
)
def test_limits_of_an_error_that_cannot_be_met_are_reported(
    limits: dict[str, float], trivial: dict[str, float], sentence: str
) -> None:
    with pytest.raises(PickError, match=sentence):
        choose(
            RATED,
            front=front_of(RATED, ERRORS),
            dense=RATED[0].metrics,
            request=PickRequest(limits=limits),
            objectives=ERRORS,
            trivial=trivial,
        )


def test_a_quantized_model_is_picked_by_its_key_and_by_rules() -> None:
    model = QuantizedResult("int8", 8.0, replace(FRONT[3].metrics, macs=500_000), 1.0)
    models = models_of([*FRONT[:3], replace(FRONT[3], quantized=(model,))])
    members = [0, 1, 2, "3-int8"]

    def keys(**asked: object) -> list[object]:
        request = PickRequest(**asked)  # type: ignore[arg-type]
        chosen = choose(models, front=members, dense=DENSE, request=request, objectives=OBJECTIVES)
        return [one.key for one in chosen]

    assert keys(trials=("3-int8", 1)) == ["3-int8", 1]
    assert keys(rules=("cheapest",)) == ["3-int8"]
    assert set(keys(rules=("spread",), count=4)) == set(members)
    with pytest.raises(PickError, match="the front is: 0, 1, 2, 3-int8"):
        keys(trials=(3,))
