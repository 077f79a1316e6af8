"""Results as JSON: flat names of metrics, and the form of earlier versions."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import pytest

from paretoprune.results import EpochRecord, GroupInfo, Job, Metrics, TrialResult
from paretoprune.results.trials import QuantizedResult, models_of

METRICS = Metrics({"accuracy": 97.25, "loss": 0.5}, params=10, macs=100, latency_ms=1.5)
RESULT = TrialResult(
    number=3,
    state="complete",
    origin="chain",
    ratios={"a": 0.5},
    widths={"a": 4},
    metrics=METRICS,
    seed=7,
    curve=(EpochRecord(1, 0.6, 96.5, 0.55, 0.01, 2.0),),
    asked_epochs=1.0,
)


def written(result: TrialResult) -> Any:
    return json.loads(json.dumps(result.to_json()))


def test_qualities_and_costs_stand_side_by_side() -> None:
    metrics = written(RESULT)["metrics"]
    assert {n: v for n, v in metrics.items() if v is not None} == METRICS.measured()
    assert [*METRICS.measured()] == ["accuracy", "loss", "params", "macs", "latency_ms"]
    assert metrics["contention"] is None  # a cost that was not measured
    assert "quality" not in metrics


def test_a_result_is_read_as_it_was_written() -> None:
    assert TrialResult.from_json(written(RESULT)) == RESULT
    failed = replace(RESULT, state="failed", metrics=Metrics(), curve=(), reason="no luck")
    assert TrialResult.from_json(written(failed)) == failed


def test_qualities_of_any_task_are_kept() -> None:
    rated = replace(RESULT, metrics=Metrics({"rmse": 0.9, "ndcg@10": 41.0}, macs=100))
    assert TrialResult.from_json(written(rated)) == rated
    assert rated.metrics.measured() == {"rmse": 0.9, "ndcg@10": 41.0, "macs": 100}


def test_results_of_earlier_versions_are_read() -> None:
    old = written(RESULT)
    old["metrics"]["top5_accuracy"] = None  # one field for each quality of a classifier
    for record in old["curve"]:
        record["validation_accuracy"] = record.pop("quality")
    assert TrialResult.from_json(old) == RESULT


@pytest.mark.parametrize("value", ["97", [97.0], {"value": 97.0}])
def test_a_metric_that_is_no_number_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="`accuracy` must be a number"):
        Metrics.from_json({"accuracy": value})


INT8 = QuantizedResult("int8", 8.0, Metrics({"accuracy": 97.0}, size_bytes=100), 0.5)


def test_quantized_models_are_read_as_they_were_written() -> None:
    result = replace(RESULT, quantized=(INT8,))
    assert TrialResult.from_json(written(result)) == result


def test_quantized_models_follow_their_trial() -> None:
    models = models_of([replace(RESULT, quantized=(INT8,)), replace(RESULT, number=4)])
    assert [model.key for model in models] == [3, "3-int8", 4]
    assert models_of(models) == models
    own = models[1]
    assert (own.metrics, own.bits, own.origin) == (INT8.metrics, 8.0, "int8")
    assert (own.widths, own.seed, own.curve) == (RESULT.widths, RESULT.seed, ())


def test_a_search_removes_its_share_of_the_break_even_rank() -> None:
    """A layer of full rank 48 saves from rank 24 down: of these a search for 0.75 leaves 6."""
    rank = GroupInfo("conv.rank", 48, break_even=0.5)
    assert rank.most(0.75) == pytest.approx(1 - 6 / 48)
    assert rank.uniform(0.75) == 0.0  # uniform candidates are those by channels alone
    assert replace(rank, max_ratio=0.6).most(0.75) == 0.6
    channels = GroupInfo("conv", 16)
    assert channels.most(0.75) == channels.uniform(0.75) == 0.75


def test_rivals_are_read_as_they_were_written_and_belong_to_the_job() -> None:
    result = replace(RESULT, rivals=((100.0, 97.5), (200.0, 98.0)))
    assert TrialResult.from_json(written(result)) == result
    assert result.job.rivals == result.rivals
    assert Job.from_json(json.loads(json.dumps(asdict(result.job)))) == result.job


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("origin", 3),
        ("state", None),
        ("ratios", {"a": "b"}),
        ("widths", {"a": None}),
        ("seconds", {"finetune": "x"}),
    ],
)
def test_values_that_no_table_holds_are_refused(name: str, wrong: object) -> None:
    whole = TrialResult(1, "complete", "auto", {"a": 0.5}, {"a": 4}, Metrics({}), seed=0).to_json()
    TrialResult.from_json(whole)
    with pytest.raises(TypeError, match=f"`{name}"):
        TrialResult.from_json({**whole, name: wrong})
