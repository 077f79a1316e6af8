"""Digits, units and spread of numbers as people read them."""

from __future__ import annotations

import pytest

from paretoprune.number_format import (
    busy_sentence,
    rounded,
    short_count,
    shown,
    written,
    written_difference,
    written_of,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0"),
        (7, "7"),
        (999, "999"),
        (999.7, "1k"),
        (1000, "1k"),
        (50_000, "50k"),
        (999_600, "1M"),
        (1_250_000, "1.25M"),
        (41e9, "41G"),
    ],
)
def test_short_counts(value: float, expected: str) -> None:
    assert short_count(value) == expected


def test_values_carry_their_units() -> None:
    assert written("accuracy", 97.236) == "97.24 %"
    assert written("latency_ms", 3.14159) == "3.142 ms"
    assert written("latency_ms", 3.14159, spread=0.02) == "3.14 ms"
    assert written("latency_ms", 3.14159, spread=0.1) == "3.1 ms"
    assert written("measured_speedup", 1.9962, spread=0.001) == "1.996"
    assert written("throughput_per_s", 1234.0, spread=0.05) == "1.23k"
    assert written("throughput_per_s", 1234.0, spread=0.2) == "1.2k"
    assert written("measured_speedup", 2.345, spread=0.5) == "unsure"
    assert [written("time_spread", x) for x in (0.0712, 0.103, 1.76)] == ["7.1 %", "10 %", "180 %"]
    assert written("accuracy", 97.213, spread=0.5) == "97.21 %"  # it is no time
    assert written("size_bytes", 1_090_000) == "1.09MB"
    assert written("loss", 0.0612345) == "0.06123"


def test_what_is_shown_of_times_has_the_digits_that_their_spread_allows() -> None:
    measured = {"accuracy": 97.213, "latency_ms": 3.14159, "measured_speedup": 2.34567}
    assert shown(measured) == measured
    spread = {"time_spread": 0.02}
    assert shown(measured | spread) == measured | spread | {
        "latency_ms": 3.14,
        "measured_speedup": 2.35,
    }
    assert written_of("latency_ms", measured | spread) == "3.14 ms"
    assert rounded(0.0, 0.1) == 0.0
    assert rounded(5.0, 0.0) == 5.0


def test_a_busy_machine_is_reported_and_a_quiet_one_is_not() -> None:
    assert busy_sentence([]) is None
    assert busy_sentence([None, 1.0, 1.5]) is None
    sentence = busy_sentence([1.1, 3.24, None])
    assert sentence is not None and "up to 3.2 times the processor time" in sentence


def test_differences_of_rates_are_points() -> None:
    assert written_difference("accuracy", -1.054) == "-1.05 points"
    assert written_difference("rmse", 0.00123) == "+0.00123"
