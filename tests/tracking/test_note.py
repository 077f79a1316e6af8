"""The note on a sweep's page: the numbers of the front, the commands, MLflow's length limit."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from paretoprune.metrics import Direction
from paretoprune.results import Metrics, TrialResult
from paretoprune.tracking.note import sweep_note
from tests.tracking.kit import trial

OBJECTIVES: dict[str, Direction] = {"accuracy": "maximize", "macs": "minimize"}
DENSE = Metrics({"accuracy": 98.512}, macs=1_182_296)


def note_of(front: Sequence[TrialResult], picks: Mapping[str, TrialResult] | None = None) -> str:
    return sweep_note(
        front,
        sweep_name="digits",
        dense=DENSE,
        objectives=OBJECTIVES,
        picks=picks or {},
        pick_command="python -m src.pick digits",
    )


def test_the_note_holds_the_best_points_the_picture_and_the_front() -> None:
    front = [trial(2, accuracy=90.0), trial(5, accuracy=96.0)]
    note = note_of(front, picks={"the smallest within 3 points": front[1]})
    rows = [line for line in note.splitlines() if line.startswith("| ")]
    assert rows == [
        "| trial | origin | accuracy | macs |",
        "| dense |  | 98.51 | 1,182,296 |",
        "| 5 | sampler | 96 | 310 |",
        "| 2 | sampler | 90 | 310 |",
    ]
    best = "- the smallest within 3 points: `python -m src.pick digits trial=5` (accuracy 96"
    # MLflow folds a note after its first lines: what to do stands before the picture.
    assert note.index(best) < note.index("![The front](front.png)") < note.index("| trial |")


def test_a_long_front_is_thinned_to_its_ends_and_between() -> None:
    note = note_of([trial(number, accuracy=99 - number / 10) for number in range(500)])
    assert len(note) < 8000
    assert "| 0 |" in note
    assert "| 499 |" in note
    assert "480 more are in `front.csv`" in note


def test_an_empty_front_still_has_a_note() -> None:
    note = note_of([])
    assert "0 models" in note
    assert "trial=" not in note
    unmeasured = dataclasses.replace(trial(1), metrics=Metrics())
    assert "| 1 | sampler |  |  |" in note_of([unmeasured])
