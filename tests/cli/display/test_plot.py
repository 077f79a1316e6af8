"""The plot in the terminal: letters stand where the values say."""

from __future__ import annotations

from dataclasses import replace

from paretoprune.cli.display.plot import front_plot
from paretoprune.report.pictures.picture import make_picture
from paretoprune.results import TrialResult
from tests.report.kit import DENSE, OBJECTIVES, front_of, sweep, trial


def lines(results: list[TrialResult], width: int = 60) -> list[str]:
    """The plot's canvas, from the top line to the bottom one, without its margin."""
    front = front_of(results, OBJECTIVES)
    picture = make_picture(
        results, front=front, dense=DENSE, objectives=OBJECTIVES, title="not shown"
    )
    text = front_plot(picture, width=width).plain.splitlines()
    assert all(len(line) <= width for line in text[:-1])
    return [line[9:] for line in text[1:14]]


def test_the_corners_hold_the_extremes() -> None:
    dense = replace(trial(0, 98.3, 41_000_000, origin="dense"), metrics=DENSE)
    canvas = lines([dense, trial(1, 90.3, 410_000), trial(2, 94.3, 4_100_000)])
    assert canvas[0] == " " * 50 + "*"
    assert canvas[12].rstrip() == "O"
    assert canvas[6].rstrip() == " " * 25 + "O"


def test_every_member_of_the_front_in_view_is_drawn() -> None:
    results = [*sweep(40, collapse=0.0)]
    canvas = "".join(lines(results, width=200))
    assert 0 < canvas.count("O") <= len(front_of(results, OBJECTIVES))
    assert canvas.count("*") == 1
    assert {"u", "g", "."} <= set(canvas)


def test_one_point_is_enough() -> None:
    dense = replace(trial(0, 98.3, 41_000_000, origin="dense"), metrics=DENSE)
    assert "".join(lines([dense])).strip() == "*"


def test_a_dense_model_of_quality_zero_is_drawn_with_what_is_better() -> None:
    """Its distance to the front's middle and 5 % of its quality are both 0."""
    results = [trial(0, 0.0, 41_000_000, origin="dense"), trial(1, 25.0, 410_000)]
    picture = make_picture(
        results,
        front=front_of(results, OBJECTIVES),
        dense=results[0].metrics,
        objectives=OBJECTIVES,
        title="not shown",
    )
    canvas = [line[9:] for line in front_plot(picture, width=60).plain.splitlines()[1:14]]
    assert canvas[0].rstrip() == "O" and canvas[12] == " " * 50 + "*"
