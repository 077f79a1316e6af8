"""The report without a browser: its content, its size, and that it is self-contained."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from paretoprune.metrics import Direction
from paretoprune.numerics import LayerError, NumericalErrors
from paretoprune.report.pictures.front_png import draw
from paretoprune.report.report import write_report
from paretoprune.report.report_content import evenness, report_content, stopped_trials
from paretoprune.report.summary import smallest_within, summary
from paretoprune.report.sweep_facts import SweepFacts, picture_of
from paretoprune.results import EpochRecord, GroupInfo, Metrics, TrialResult
from paretoprune.results.trials import QuantizedResult, models_of
from tests.report.kit import DENSE, OBJECTIVES, front_of, sweep, trial

GROUPS = (GroupInfo("layer1", 16), GroupInfo("layer2", 32))


def facts_of(searched: list[TrialResult]) -> SweepFacts:
    """A sweep of the dense model, number 0, and `searched`."""
    dense = replace(trial(0, 98.3, 41_000_000, origin="dense"), metrics=DENSE)
    results = [dense, *searched]
    return SweepFacts("digits", OBJECTIVES, results, front_of(results, OBJECTIVES), GROUPS)


def written(folder: Path, name: str) -> dict[str, Any]:
    """The content that a page was written with."""
    page = (folder / name).read_text()
    found = re.search(r'<script type="application/json" id="content">(.*?)</script>', page, re.S)
    assert found
    content: dict[str, Any] = json.loads(found[1])
    return content


def test_every_trial_is_reported_with_its_values_and_widths() -> None:
    facts = facts_of([replace(r, number=r.number + 1) for r in sweep(12)])
    trials = report_content(facts)["trials"]
    assert [one["number"] for one in trials] == [result.number for result in facts.results]
    for one, result in zip(trials, facts.results, strict=True):
        assert one["values"] == result.metrics.measured()
        assert one["widths"] == [8, 24]
        assert one["front"] == (result.number in facts.front)


def test_numerical_errors_are_reported_with_their_warnings() -> None:
    layer = LayerError("fc", 4, 100, own_db=21.04, accumulated_db=8.0, input_db=30.0)
    errors = {"1-int8": NumericalErrors((layer,), divergence=0.5)}
    [errors_of_one] = report_content(replace(facts_of([]), numerics=errors))["numerics"]
    assert (
        errors_of_one["trial"] == "1-int8"
        and "8 dB (`fc`), divergence 0.5" in errors_of_one["sentence"]
    )
    assert "below 10 dB in `fc`" in errors_of_one["warnings"][0]
    assert errors_of_one["layers"] == [
        {"layer": "fc", "bits": 4, "own": 21.0, "accumulated": 8.0, "saturated": 0, "crest": 0}
    ]


def test_quantized_models_are_reported_beside_their_trial() -> None:
    parent = trial(1, 95.0, 20_000_000)
    int8 = QuantizedResult("int8", 8.0, replace(parent.metrics, size_bytes=10), 1.0)
    facts = facts_of([replace(parent, quantized=(int8,))])
    facts = replace(facts, results=models_of(facts.results), front=["1-int8"])
    dense, float_, own = report_content(facts)["trials"]
    assert (dense["number"], float_["number"], own["number"]) == (0, 1, "1-int8")
    assert (own["front"], own["parent"], own["bits"], own["quantized"]) == (True, 1, 8.0, True)
    assert not float_["front"] and not float_["quantized"]
    assert (
        "2 trials (2 complete) and 1 quantized model of them, 1 on the front." in summary(facts)[0]
    )
    labels = draw(picture_of(facts)).axes[0].get_legend_handles_labels()[1]
    assert "front, quantized" in labels and "trials: int8" in labels


def test_training_in_total_and_times_to_their_spread_are_reported() -> None:
    link = replace(trial(2, 97.0, 1_000_000, origin="chain"), epochs=16.0)
    timed = replace(link.metrics, latency_ms=1.23456, time_spread=0.1, contention=3.0)
    uniform = replace(trial(1, 95.0, 1_000_000, origin="uniform"), epochs=4.0)
    content = report_content(facts_of([uniform, replace(link, metrics=timed)]))
    third = content["trials"][2]
    assert third["training"].startswith("Trained for 16 epochs in total")
    assert "+2.00 over uniform pruning of its size, but it is more trained" in third["training"]
    assert third["values"]["latency_ms"] == 1.2
    assert "The machine was busy while latency was measured" in content["summary"][-1]


def test_the_page_holds_the_content_and_loads_nothing(tmp_path: Path) -> None:
    facts = facts_of([trial(1, 97.0, 10_000, state="failed", reason="</script><b>")])
    write_report(tmp_path, facts)
    for name, only_front in (("report.html", False), ("front.html", True)):
        content = written(tmp_path, name)
        assert content == json.loads(
            json.dumps({**report_content(facts), "only_front": only_front})
        )
        assert content["trials"][1]["reason"] == "</script><b>"
        page = (tmp_path / name).read_text()
        assert not re.search(
            r"<(?:script|link|img)[^>]+(?:src|href)=|@import|url\(|fetch\(",
            page.replace("url(#plot-", ""),
        )


def test_a_report_of_a_thousand_trials_fits_into_a_mail(tmp_path: Path) -> None:
    curve = tuple(EpochRecord(e, 0.5, 97.123456, 0.2, 0.1, 1.0) for e in range(1, 5))
    searched = [replace(r, number=r.number + 1, curve=curve) for r in sweep(1000)]
    write_report(tmp_path, facts_of(searched))
    assert (tmp_path / "report.html").stat().st_size < 1_000_000


def test_values_that_are_no_numbers_are_left_out(tmp_path: Path) -> None:
    odd = replace(
        trial(1, 97.0, 10), metrics=Metrics({"accuracy": 97.0, "loss": float("nan")}, macs=10)
    )
    facts = facts_of([odd])
    write_report(tmp_path, facts)  # NaN is no JSON
    assert written(tmp_path, "report.html")["trials"][1]["values"] == {"accuracy": 97.0, "macs": 10}


def test_trials_that_a_rung_ended_are_distinguished() -> None:
    one, two = trial(1, 96.0, 1000), trial(2, 96.5, 900)
    failed = trial(3, None, None, state="failed", reason="out of memory")
    promoted = replace(trial(4, 97.0, 900), parent=2, rung=1)
    uniform = trial(5, 90.0, 500, origin="uniform")
    trials = report_content(facts_of([one, two, failed, promoted, uniform]))["trials"]
    assert [t["number"] for t in trials if t["stopped"]] == [1]
    assert stopped_trials([one, two, failed, uniform]) == set()  # a search without rungs


def test_trials_that_pick_trained_again_are_a_spread() -> None:
    facts = replace(facts_of([trial(1, 97.0, 1000)]), repeats={1: [95.5, 96.0]})
    assert report_content(facts)["trials"][1]["spread"] == {"accuracy": (95.5, 97.0, 3)}


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([1.0, 1.0, 1.0, 1.0], 0.5),
        ([5.0, 0.0, 0.0, 3.0], 0.0),
        ([3.0, 1.0], 0.25),
        ([1.0, 1.0, 2.0], 0.25),
        ([0.0, 0.0], None),
        ([], None),
    ],
)
def test_evenness(scores: list[float], expected: float | None) -> None:
    assert evenness(scores) == expected


def test_the_summary_names_the_smallest_models_near_the_dense_one() -> None:
    found = [
        trial(1, 98.0, 20_000_000),  # 0.3 points lower
        trial(2, 97.9, 10_000_000),  # 0.4 points lower
        trial(3, 96.6, 1_000_000),  # 1.7 points lower
        trial(4, 80.0, 500_000),
    ]
    facts = replace(facts_of(found), trivial={"accuracy": 10.0})
    assert {drop: t.number for drop, t in smallest_within(facts).items()} == {0.005: 2, 0.02: 3}
    lines = summary(facts)
    assert lines[0].startswith("5 trials (5 complete), 5 on the front. Dense model: 98.30 %")
    assert lines[1] == "The trivial predictor, which ignores the input: 10.00 %."
    assert lines[2].startswith("Smallest with 99.5 % of the quality retained: trial 2, 97.90 %")


def test_a_dense_model_no_better_than_the_trivial_predictor_retains_nothing() -> None:
    facts = replace(facts_of([trial(1, 98.0, 20_000_000)]), trivial={"accuracy": 98.3})
    assert smallest_within(facts) == {}
    assert summary(facts)[1].endswith("98.30 %; the dense model is no better.")
    assert report_content(facts)["trials"][1]["retained"] is None


def test_a_report_of_an_error_speaks_of_no_accuracy() -> None:
    """Smaller is better, and the trivial predictor has the larger value."""
    objectives: dict[str, Direction] = {"rmse": "minimize", "macs": "minimize"}
    values = [(0, 0.5, 1000), (1, 0.505, 500), (2, 0.6, 100), (3, 2.4, 10)]
    results = [
        TrialResult(
            n,
            "complete",
            "dense" if n == 0 else "chain",
            {},
            {},
            Metrics({"rmse": rmse}, macs=macs),
            n,
            curve=(EpochRecord(1, 0.5, rmse, 0.2, 0.1, 1.0),),
        )
        for n, rmse, macs in values
    ]
    front = front_of(results, objectives)
    facts = SweepFacts("x", objectives, results, front, GROUPS, trivial={"rmse": 2.5})
    content = report_content(facts)
    assert content["axes"] == ["macs", "rmse"] and content["quality"] == "rmse"
    retained = [trial["retained"] for trial in content["trials"]]
    assert retained == pytest.approx([1.0, 0.9975, 0.95, 0.05])
    assert {drop: t.number for drop, t in smallest_within(facts).items()} == {0.005: 1}
    assert "accuracy" not in json.dumps(content) and "class" not in json.dumps(content)


def test_a_sweep_without_its_dense_model_has_a_summary() -> None:
    facts = SweepFacts("x", OBJECTIVES, [trial(1, None, None, state="failed")], (), GROUPS)
    assert summary(facts) == ["1 trials (1 failed), 0 on the front."]
