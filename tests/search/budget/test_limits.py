"""Limits of candidates, of qualities in both directions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from paretoprune.config.groups.sparsity import SparsitySettings
from paretoprune.metrics import Direction
from paretoprune.results import Metrics
from paretoprune.search.budget.limits import broken_limits

UP: dict[str, Direction] = {"accuracy": "maximize", "macs": "minimize"}
DOWN: dict[str, Direction] = {"macs": "minimize", "rmse": "minimize"}


@pytest.mark.parametrize(
    ("objectives", "bound", "value", "is_broken"),
    [
        (UP, 90.0, 89.0, True),
        (UP, 90.0, 90.0, False),
        (DOWN, 0.5, 0.6, True),
        (DOWN, 0.5, 0.4, False),
    ],
)
def test_the_worst_quality(
    objectives: dict[str, Direction], bound: float, value: float, is_broken: bool
) -> None:
    name = next(name for name in objectives if name != "macs")
    found = broken_limits(SparsitySettings(min_quality=bound), Metrics({name: value}), objectives)
    expected = [f"{name} {value:g} breaks `sparsity.min_quality={bound:g}`"] if is_broken else []
    assert found == expected


def test_costs_that_break_a_limit_and_what_was_not_measured() -> None:
    limits = SparsitySettings(max_macs=100, max_params=10, min_quality=90.0, min_accuracy=90.0)
    assert broken_limits(limits, Metrics(macs=101), UP) == [
        "macs 101 breaks `sparsity.max_macs=100`"
    ]
    assert broken_limits(limits, Metrics({"accuracy": 50.0})) == [
        "accuracy 50 breaks `sparsity.min_accuracy=90`"
    ]


@pytest.mark.parametrize(
    ("setting", "quantity", "is_upper"),
    [
        ("max_params", "params", True),
        ("max_macs", "macs", True),
        ("max_size_bytes", "size_bytes", True),
        ("max_stored_bytes", "stored_bytes", True),
        ("max_latency_ms", "latency_ms", True),
        ("min_accuracy", "accuracy", False),
    ],
)
def test_every_limit_lets_its_own_bound_in(setting: str, quantity: str, is_upper: bool) -> None:
    limits = SparsitySettings(**{setting: 50})  # type: ignore[arg-type]
    for value in (49, 50, 51):
        metrics = Metrics({"accuracy": value}) if quantity == "accuracy" else Metrics()
        metrics = replace(metrics, **{quantity: value} if quantity != "accuracy" else {})
        broken = broken_limits(limits, metrics)
        assert bool(broken) == (value > 50 if is_upper else value < 50)
