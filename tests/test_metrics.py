"""Names, units and rounding of quantities as people read them."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest

from paretoprune import metrics
from paretoprune.metrics import (
    DIRECTIONS,
    QUALITIES,
    QUANTITIES,
    Direction,
    Quantity,
    busy_sentence,
    label,
    quantity_of,
    register,
    rounded,
    scaled,
    short_count,
    shown,
    written,
    written_difference,
    written_of,
)
from paretoprune.objectives import size_and_quality
from paretoprune.results.measurements import COSTS


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


def test_every_measured_quantity_has_a_label_for_people() -> None:
    assert {*DIRECTIONS} - {*QUALITIES} <= {*COSTS}
    assert [name for name in (*QUALITIES, *COSTS) if label(name) == name] == ["loss", "perplexity"]


@pytest.mark.parametrize(
    ("objectives", "expected"),
    [
        ({"accuracy": "maximize", "macs": "minimize"}, ("macs", "accuracy")),
        ({"params": "minimize", "loss": "minimize"}, ("params", "loss")),
        ({"rmse": "minimize", "macs": "minimize"}, ("macs", "rmse")),
        ({"macs": "minimize", "latency_ms": "minimize"}, ("macs", "latency_ms")),
        (
            {"perplexity": "minimize", "throughput_per_s": "maximize"},
            ("throughput_per_s", "perplexity"),
        ),
        (
            {"accuracy": "maximize", "measured_speedup": "maximize"},
            ("measured_speedup", "accuracy"),
        ),
        (
            {"latency_ms": "minimize", "accuracy": "maximize", "macs": "minimize"},
            ("latency_ms", "accuracy"),
        ),
    ],
)
def test_size_and_quality(objectives: dict[str, Direction], expected: tuple[str, str]) -> None:
    assert size_and_quality(objectives) == expected


def test_sizes_are_compared_by_factors() -> None:
    assert scaled("macs", 4.0) - scaled("macs", 2.0) == pytest.approx(math.log(2))
    assert scaled("accuracy", 4.0) == 4.0
    assert scaled("params", 0.0) == 0.0


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


@pytest.mark.parametrize("name", QUALITIES)
def test_a_quality_has_one_direction_and_ordered_bounds(name: str) -> None:
    quality = QUANTITIES[name]
    assert quality.kind == "quality" and DIRECTIONS[name] == quality.direction
    if quality.worst is not None and quality.best is not None:
        rising = quality.direction == "maximize"
        assert (quality.best > quality.worst) == rising
    if quality.is_rate:
        assert {quality.worst, quality.best} == {0.0, 100.0}


def test_no_quantity_is_named_twice() -> None:
    assert len({quantity.label for quantity in QUANTITIES.values()}) == len(QUANTITIES)


def test_a_quality_of_ones_own_is_registered_once(registry: None) -> None:
    own = Quantity("val_kappa", "Cohen's kappa", "maximize", "quality", worst=-1.0, best=1.0)
    for _ in range(2):
        register(own)
    assert quantity_of("val_kappa") is own and DIRECTIONS["val_kappa"] == "maximize"
    assert [*QUALITIES].count("val_kappa") == 1
    assert size_and_quality({"macs": "minimize", "val_kappa": "maximize"}) == ("macs", "val_kappa")
    register(Quantity("accuracy", "mine", "maximize", "quality"))
    assert label("accuracy") == "accuracy (%)"  # the first record stays


@pytest.mark.parametrize(
    ("quality", "sentence"),
    [
        (Quantity("rmse", "error", "maximize", "quality"), "as a quality to minimize"),
        (Quantity("macs", "error", "minimize", "quality"), "registered as a size to minimize"),
        (Quantity("contention", "x", "minimize", "quality"), "as a time to minimize"),
        (Quantity("steps", "steps", "minimize", "size"), "only a quality can be registered"),
        (Quantity("my score", "x", "maximize", "quality"), "must begin with a letter"),
    ],
)
def test_a_clash_is_refused(registry: None, quality: Quantity, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        register(quality)


@pytest.fixture
def registry() -> Iterator[None]:
    """The registry, as it was again after the test."""
    kept = {**metrics._QUANTITIES}, {**metrics._DIRECTIONS}, [*metrics._QUALITIES]
    yield
    for found, before in zip((metrics._QUANTITIES, metrics._DIRECTIONS), kept[:2], strict=True):
        found.clear()
        found.update(before)
    metrics._QUALITIES[:] = kept[2]


def test_differences_of_rates_are_points() -> None:
    assert written_difference("accuracy", -1.054) == "-1.05 points"
    assert written_difference("accuracy", -0.001) == "+0.00 points"
    assert written_difference("rmse", 0.00123) == "+0.00123"
