"""A trial in MLflow's terms: names, values and MLflow's limits."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paretoprune.results import Metrics
from paretoprune.tracking.record import (
    fit_name,
    fit_names,
    fit_params,
    fit_tags,
    run_name,
    trial_record,
)
from tests.tracking.kit import trial


def test_run_names_are_short() -> None:
    assert run_name(trial(17)) == "017 macs 31% acc 97.2"
    failed = dataclasses.replace(trial(3, state="failed"), metrics=Metrics())
    assert run_name(failed) == "003 failed"
    dense = dataclasses.replace(trial(0), origin="dense", metrics=Metrics({"accuracy": 98.61}))
    assert run_name(dense) == "000 dense acc 98.6"
    assert run_name(trial(1234, state="duplicate")) == "1234 duplicate macs 31% acc 97.2"


def test_everything_of_a_trial_is_recorded() -> None:
    record = trial_record(trial(4, state="failed"), commit="abc", artifacts=())
    assert record.status == "FAILED"
    assert record.tags == {
        "trial": "4",
        "state": "failed",
        "origin": "sampler",
        "baseline": "false",
        "seed": "7",
        "commit": "abc",
        "reason": "out of memory",
    }
    assert record.params == {
        "ratio/layer1.0.conv1": "0.5",
        "ratio/fc": "0.25",
        "width/layer1.0.conv1": "8",
        "width/fc": "12",
    }
    points = {(point.name, point.step): point.value for point in record.points}
    assert len(points) == len(record.points)
    assert points[("accuracy", 0)] == 97.24
    assert points[("seconds/finetune", 0)] == 6.0
    assert points[("seconds_total", 0)] == 7.5
    assert [points[("train_loss", epoch)] for epoch in (1, 2)] == [2.0, 1.0]
    assert record.end_ms - record.start_ms == 7500


def test_metrics_are_rounded_for_a_table_and_counts_stay_whole() -> None:
    metrics = Metrics(
        {"accuracy": 97.21448421478271}, macs=123_456_789, latency_ms=0.46609000003172696
    )
    record = trial_record(dataclasses.replace(trial(1), metrics=metrics), commit=None, artifacts=())
    points = {point.name: point.value for point in record.points if point.step == 0}
    assert points["accuracy"] == 97.2145
    assert points["macs"] == 123_456_789
    assert points["latency_ms"] == 0.46609


@pytest.mark.parametrize("origin", ["dense", "uniform", "global"])
def test_baselines_are_tagged(origin: str) -> None:
    baseline = dataclasses.replace(trial(1), origin=origin)
    assert trial_record(baseline, commit=None, artifacts=()).tags["baseline"] == "true"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ratio/layer1.0.conv1", "ratio/layer1.0.conv1"),
        ("ratio/a[0]@b", "ratio/a_0__b"),
        ("a//b/../c/", "a/_/b/_/c/_"),
        ("", "_"),
        ("x" * 300, "x" * 250),
    ],
)
def test_names_are_fitted(name: str, expected: str) -> None:
    assert fit_name(name) == expected


@given(st.text(max_size=300))
def test_mlflow_accepts_every_fitted_name(name: str) -> None:
    from mlflow.utils.validation import _validate_metric_name, _validate_param, _validate_tag

    _validate_metric_name(fit_name(name))
    _validate_param(fit_name(name), "1")
    _validate_tag(fit_name(name), "1")


ALIKE = [
    ["a:b", "a_b", "a+b"],
    ["layer/a", "layer/A"],
    ["x" * 260 + "1", "x" * 260 + "2"],
    ["a//b", "a/_/b", "a/./b"],
]


@pytest.mark.parametrize("groups", ALIKE, ids=lambda groups: groups[0][:9])
def test_two_groups_never_share_a_name(groups: list[str]) -> None:
    ratios, widths = dict.fromkeys(groups, 0.5), {name: n for n, name in enumerate(groups)}
    result = dataclasses.replace(trial(1), ratios=ratios, widths=widths)
    params = trial_record(result, commit=None, artifacts=()).params
    names = {name.casefold() for name in params}
    assert len(names) == 2 * len(groups)
    assert max(len(name) for name in params) <= 250
    kept = sorted(value for name, value in params.items() if name.startswith("width/"))
    assert kept == [str(n) for n in range(len(groups))]


def test_names_that_are_alone_stay_readable() -> None:
    assert fit_names(["a:b", "c"]) == {"a:b": "a_b", "c": "c"}


@given(st.lists(st.text(max_size=300), unique=True, max_size=6))
def test_fitted_names_differ_and_mlflow_accepts_them(names: list[str]) -> None:
    from mlflow.utils.validation import _validate_param

    fitted = fit_names(names)
    assert len({name.casefold() for name in fitted.values()}) == len(names)
    for name in fitted.values():
        _validate_param(name, "1")


def test_long_values_are_cut() -> None:
    assert fit_params({"a": "x" * 7000}) == {"a": "x" * 6000}
    assert fit_tags({"a": "x" * 9000}) == {"a": "x" * 8000}
