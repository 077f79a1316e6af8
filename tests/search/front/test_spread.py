"""A subset of the front that reaches from one end to the other."""

from __future__ import annotations

import pytest

from paretoprune.errors import PickError
from paretoprune.results import TrialResult
from paretoprune.search.front.spread import spread, unit_points
from tests.report.kit import OBJECTIVES, trial

LADDER = [trial(n, 98.0 - n, 10 ** (8 - n)) for n in range(5)]  # evenly spaced, falling


def numbers(members: list[TrialResult], count: int) -> list[int]:
    return [member.number for member in spread(members, count, OBJECTIVES)]


def test_the_ends_come_first_and_then_the_middle() -> None:
    assert numbers(LADDER, 1) == [0]
    assert numbers(LADDER, 2) == [0, 4]
    assert numbers(LADDER, 3) == [0, 2, 4]
    assert numbers(LADDER, 5) == numbers(LADDER, 9) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("order", [LADDER, LADDER[::-1]])
def test_ties_are_decided_by_the_lower_number_in_any_order(order: list[TrialResult]) -> None:
    """Trials 1 and 3 are as far from those taken."""
    assert numbers(order, 4) == [0, 1, 2, 4]
    equal = [trial(n, 90.0, 100) for n in range(3)]
    assert numbers(equal[::-1], 1) == [0]
    assert numbers(equal[::-1], 2) == [0, 1]


def test_the_dense_model_is_taken_only_where_it_is_alone() -> None:
    dense = trial(0, 99.0, 10**9, origin="dense")
    assert numbers([dense, *LADDER[1:]], 1) == [1]
    assert numbers([dense], 2) == [0]


def test_every_objective_is_from_worst_to_best() -> None:
    assert unit_points(LADDER[:3], OBJECTIVES) == [(1.0, 0.0), (0.5, 0.5), (0.0, 1.0)]
    assert unit_points(LADDER[:1], OBJECTIVES) == [(1.0, 1.0)]


def test_at_least_one_must_be_asked_for() -> None:
    with pytest.raises(PickError, match="`n=0` must be 1 or more"):
        spread(LADDER, 0, OBJECTIVES)
