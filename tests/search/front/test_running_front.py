"""The front kept up to date, against the front found anew."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from paretoprune.metrics import DIRECTIONS
from paretoprune.results import Metrics, TrialResult
from paretoprune.results.trials import QuantizedResult, State, models_of
from paretoprune.search.front.front import front_of
from paretoprune.search.front.running_front import RunningFront

OBJECTIVES = {name: DIRECTIONS[name] for name in ("accuracy", "macs", "latency_ms")}
STATES: list[State] = ["complete", "complete", "complete", "failed", "infeasible"]
VALUES = st.integers(0, 4)
ROWS = st.tuples(VALUES, VALUES, st.one_of(st.none(), VALUES), st.sampled_from(STATES))


def result(number: int, row: tuple[int, int, int | None, State]) -> TrialResult:
    metrics = Metrics({"accuracy": row[0]}, macs=row[1], latency_ms=row[2])
    return TrialResult(number, row[3], "test", {}, {}, metrics, 0)


def with_quantized(trial: TrialResult, row: tuple[int, int, int | None, State]) -> TrialResult:
    model = QuantizedResult("int8", 8, result(0, row).metrics, 1.0, row[3])
    return replace(trial, quantized=(model,))


@given(st.lists(ROWS, max_size=25), st.randoms(use_true_random=False))
def test_it_is_the_front_after_every_trial_in_any_order(rows, dice) -> None:  # type: ignore[no-untyped-def]
    results = [result(number, row) for number, row in enumerate(rows)]
    dice.shuffle(results)
    front = RunningFront(OBJECTIVES)
    for count, each in enumerate(results, start=1):
        front.add(each)
        assert set(front.numbers()) == set(front_of(results[:count], OBJECTIVES))
    last = [next(r for r in results if r.number == n).metrics.latency_ms for n in front.numbers()]
    assert last == sorted(last)  # type: ignore[type-var]


@given(st.lists(st.tuples(ROWS, ROWS), max_size=15), st.randoms(use_true_random=False))
def test_quantized_models_are_members_of_their_own(rows, dice) -> None:  # type: ignore[no-untyped-def]
    results = [with_quantized(result(n, own), row) for n, (own, row) in enumerate(rows)]
    expected = front_of(models_of(results), OBJECTIVES)
    dice.shuffle(results)
    front = RunningFront(OBJECTIVES)
    for each in results:
        front.add(each)
    assert set(front.keys()) == set(expected)
    assert set(front.numbers()) == {int(str(key).partition("-")[0]) for key in expected}
