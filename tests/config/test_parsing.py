"""Counts, times and budgets as a user may write them."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from paretoprune.config.parsing import (
    parse_budget,
    parse_count,
    parse_milliseconds,
    parse_percent,
    parse_seconds,
    parse_share,
)
from paretoprune.results import Budget
from paretoprune.results.jobs import BudgetUnit


@pytest.mark.parametrize(
    ("written", "count"),
    [
        ("50k", 50_000),
        ("1.5M", 1_500_000),
        (" 2 g ", 2e9),
        ("50kB", 50_000),
        ("50kb", 50_000),
        ("50 KiB", 51_200),
        ("1e6", 1e6),
        ("7", 7),
        (12, 12),
    ],
)
def test_counts_may_be_written_with_a_suffix(written: object, count: object) -> None:
    assert parse_count(written) == count


@pytest.mark.parametrize(
    ("written", "amount", "unit"),
    [
        ("90s", 90, "seconds"),
        ("10min", 600, "seconds"),
        ("10 minutes", 600, "seconds"),
        ("1.5h", 5400, "seconds"),
        ("2 hours", 7200, "seconds"),
        ("200ep", 200, "epochs"),
        ("40 trials", 40, "trials"),
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
    ("written", "seconds"), [("90s", 90), ("10min", 600), ("2h", 7200), (5, 5), ("5", 5)]
)
def test_a_time_is_in_seconds_where_it_does_not_say(written: object, seconds: object) -> None:
    assert parse_seconds(written) == seconds


def test_passes_over_the_data_are_no_time() -> None:
    with pytest.raises(ValueError, match=r"`10min` or `2h`, got `200ep`"):
        parse_seconds("200ep")


@pytest.mark.parametrize(("written", "share"), [("50%", 0.5), ("12.5 %", 0.125), (0.3, 0.3)])
def test_a_share_may_be_written_in_percent(written: object, share: object) -> None:
    assert parse_share(written) == share


@pytest.mark.parametrize(("written", "time_ms"), [("5ms", 5), ("0.5s", 500), (3, 3), ("3", 3)])
def test_a_latency_is_in_milliseconds_where_it_does_not_say(
    written: object, time_ms: object
) -> None:
    assert parse_milliseconds(written) == time_ms


@pytest.mark.parametrize(("written", "percent"), [("90%", 90), ("0.5", 0.5), (1, 1)])
def test_a_percentage_may_have_its_sign(written: object, percent: object) -> None:
    assert parse_percent(written) == percent


@pytest.mark.parametrize(
    ("parse", "written", "expected"),
    [
        (parse_count, "50kbit", "must be a number, as in `50000`, `50k`, `1.5M` or `50kB`"),
        (parse_count, "50%", "must be a number, as in"),
        (parse_share, "half%", "must be a share, as in `0.5` or `50%`, got `half%`"),
        (parse_percent, "1k", "must be a percentage, as in `0.5` or `0.5%`"),
        (parse_milliseconds, "5kB", "must be a time in milliseconds, as in `5` or `5ms`"),
    ],
)
def test_another_unit_is_refused_with_what_would_be_right(
    parse: Callable[[object], object], written: str, expected: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(expected)):
        parse(written)
