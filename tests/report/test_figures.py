"""The pictures show the data: every point and line drawn is compared with the trials."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from statistics import median

import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection

from paretoprune.metrics import Direction
from paretoprune.report.pictures import front_png
from paretoprune.report.pictures.front_png import round_ticks
from paretoprune.report.pictures.picture import Picture, in_view, make_picture
from paretoprune.report.report import write_front_png
from paretoprune.report.sweep_facts import SweepFacts
from paretoprune.results import Metrics, TrialResult
from tests.report.kit import DENSE, OBJECTIVES, front_of, sweep, trial

THREE: dict[str, Direction] = {**OBJECTIVES, "latency_ms": "minimize"}


def picture_of(
    results: list[TrialResult], objectives: dict[str, Direction] = OBJECTIVES
) -> Picture:
    front = front_of(results, objectives)
    return make_picture(
        results, front=front, dense=DENSE, objectives=objectives, title="sweep digits"
    )


def points(results: list[TrialResult]) -> list[tuple[float, float]]:
    return [(r.metrics.measured()["macs"], r.metrics.measured()["accuracy"]) for r in results]


def scatter(axes: Axes, name: str) -> list[tuple[float, float]]:
    found = [c for c in axes.collections if c.get_label() == name]
    assert len(found) == 1
    assert isinstance(found[0], PathCollection)
    return [(float(x), float(y)) for x, y in found[0].get_offsets()]


def curve(axes: Axes, name: str) -> list[tuple[float, float]]:
    found = [one for one in axes.lines if one.get_label() == name]
    assert len(found) == 1
    return [(float(x), float(y)) for x, y in found[0].get_xydata()]


def test_the_png_draws_every_trial_the_front_the_baselines_and_the_dense_model() -> None:
    results = sweep(40)
    (axes,) = front_png.draw(picture_of(results)).axes
    dense = (41_000_000, 98.3)
    sampled = [r for r in results if r.origin == "sampler"]
    members = [results[number] for number in front_of(results, OBJECTIVES)]
    assert scatter(axes, "trials: sampler") == points(sampled)
    assert scatter(axes, "dense model") == [dense]
    assert curve(axes, "front") == sorted(points(members))
    assert curve(axes, "uniform") == sorted([*points(results[:4]), dense])
    assert curve(axes, "global") == sorted([*points(results[4:8]), dense])
    steps = [one for one in axes.lines if one.get_drawstyle() == "steps-post"]
    assert [(x, y) for x, y in steps[0].get_xydata()] == sorted(points(members))
    assert {text.get_text() for text in axes.texts} == {str(m.number) for m in members}
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("MACs", "accuracy (%)")
    assert axes.get_xscale() == "log"


def test_three_objectives_are_three_panels() -> None:
    figure = front_png.draw(picture_of(sweep(30), THREE))
    labels = [(axes.get_xlabel(), axes.get_ylabel()) for axes in figure.axes]
    assert labels == [
        ("MACs", "accuracy (%)"),
        ("latency (ms)", "accuracy (%)"),
        ("MACs", "latency (ms)"),
    ]


def test_collapsed_trials_stay_at_the_edge_without_flattening_the_rest() -> None:
    results = [*sweep(30, collapse=0.0), trial(30, 10.0, 900_000), trial(31, 11.0, 950_000)]
    picture = picture_of(results)
    view = in_view(picture, "accuracy")
    assert view is not None
    low, high = view
    middle = median(front.metrics.measured()["accuracy"] for front in picture.front)
    assert low == pytest.approx(98.3 - 3 * (98.3 - middle))
    assert high == pytest.approx(98.3 + 0.08 * 3 * (98.3 - middle))
    (axes,) = front_png.draw(picture).axes
    assert axes.get_ylim() == view
    outside = [r for r in results if r.metrics.measured()["accuracy"] < low]
    assert curve(axes, f"out of view: {len(outside)}") == [(x, low) for x, _ in points(outside)]
    assert (900_000, 10.0) in curve(axes, "front")


def test_without_collapse_everything_is_in_view() -> None:
    results = [trial(n, 98.0 - n, 1_000_000 * (10 - n)) for n in range(6)]
    assert in_view(picture_of(results), "accuracy") is None


def test_a_quality_to_be_minimised_is_cut_at_the_top() -> None:
    objectives: dict[str, Direction] = {"macs": "minimize", "loss": "minimize"}
    losses = (0.07, 0.08, 0.1, 0.12, 9.0)
    results = [
        TrialResult(n, "complete", "sampler", {}, {}, Metrics({"loss": loss}, macs=100 - n), seed=0)
        for n, loss in enumerate(losses)
    ]
    view = in_view(picture_of(results, objectives), "loss")
    assert view is not None
    assert view[0] < 0.06
    assert 0.12 < view[1] < 1.0


def test_trials_without_a_model_of_their_own_are_not_drawn() -> None:
    results = [
        trial(0, 97.0, 10_000),
        trial(1, None, None, state="failed"),
        trial(2, 97.0, 10_000, state="duplicate", duplicate_of=0),
        trial(3, None, 90_000, state="infeasible"),
    ]
    assert [drawn.number for drawn in picture_of(results).trials] == [0]


@pytest.mark.parametrize("count", [0, 1])
def test_few_trials_can_be_drawn(count: int, tmp_path: Path) -> None:
    dense = replace(trial(0, 98.3, 41_000_000, origin="dense"), metrics=DENSE)
    results = [dense, *sweep(9)[8 : 8 + count]]
    front = front_of(results, OBJECTIVES)
    write_front_png(tmp_path, SweepFacts("few", OBJECTIVES, results, front, groups=()))
    assert (tmp_path / "front.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("low", "high"), [(1e3, 1e9), (9e5, 4.4e7), (1e6, 3e6), (2.1e6, 2.4e6), (0.3, 0.9)]
)
def test_ticks_are_a_few_round_numbers_in_range(low: float, high: float) -> None:
    ticks = round_ticks(low, high)
    assert 2 <= len(ticks) <= 12
    assert all(low <= tick <= high for tick in ticks)
    assert ticks == sorted(ticks)
