"""Counts, times and budgets as a user may write them."""

from __future__ import annotations

import pytest

from paretoprune.config.parsing import parse_budget, parse_count, parse_seconds, parse_share
from paretoprune.results import Budget
from paretoprune.results.jobs import BudgetUnit


@pytest.mark.parametrize(
    ("written", "count"),
    [
        ("50k", 50_000),
        ("1.5M", 1_500_000),
        (" 2 g ", 2e9),
        ("50kB", 50_000),
        ("7", 7),
        (12, 12),
        ("many", "many"),
    ],
)
def test_counts_may_be_written_with_a_suffix(written: object, count: object) -> None:
    assert parse_count(written) == count


@pytest.mark.parametrize(
    ("written", "amount", "unit"),
    [
        ("90s", 90, "seconds"),
        ("10min", 600, "seconds"),
        ("1.5h", 5400, "seconds"),
        ("200ep", 200, "epochs"),
        ("40", 40, "trials"),
        (40, 40, "trials"),
    ],
)
def test_a_budget_is_a_time_passes_or_trials(
    written: object, amount: float, unit: BudgetUnit
) -> None:
    assert parse_budget(written) == Budget(amount, unit)


@pytest.mark.parametrize("written", ["10 weeks", "-5s", "min", "1.5.2s"])
def test_another_budget_is_refused_with_what_would_be_right(written: str) -> None:
    with pytest.raises(ValueError, match=rf"`10min`.*`200ep`.*not `{written}`"):
        parse_budget(written)


@pytest.mark.parametrize(
    ("written", "seconds"), [("90s", 90), ("10min", 600), ("2h", 7200), (5, 5), ("5", "5")]
)
def test_a_time_is_in_seconds_where_it_does_not_say(written: object, seconds: object) -> None:
    assert parse_seconds(written) == seconds


def test_passes_over_the_data_are_no_time() -> None:
    with pytest.raises(ValueError, match=r"`10min` or `2h`, not `200ep`"):
        parse_seconds("200ep")


@pytest.mark.parametrize(("written", "share"), [("50%", 0.5), ("12.5 %", 0.125), (0.3, 0.3)])
def test_a_share_may_be_written_in_percent(written: object, share: object) -> None:
    assert parse_share(written) == share


def test_a_share_of_something_else_is_left_to_the_validation() -> None:
    assert parse_share("half%") == "half%"
