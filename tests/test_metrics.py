"""The registry: names, directions and bounds of quantities."""

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
    label,
    quantity_of,
    register,
    scaled,
)
from paretoprune.objectives import size_and_quality
from paretoprune.results.measurements import COSTS


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
