"""front.png, also of sweeps that have nothing to draw."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from paretoprune.metrics import Direction
from paretoprune.report.pictures.front_png import draw, front_png, round_ticks
from paretoprune.report.pictures.picture import make_picture
from paretoprune.results import Metrics

OBJECTIVES: Mapping[str, Direction] = {"accuracy": "maximize", "macs": "minimize"}
TIMES: Mapping[str, Direction] = {"latency_ms": "minimize", "macs": "minimize"}


@pytest.mark.parametrize("objectives", [OBJECTIVES, TIMES])
@pytest.mark.parametrize("dense", [Metrics(), Metrics(macs=1000, quality={"accuracy": 90.0})])
def test_a_sweep_without_a_finished_trial_has_a_picture(
    objectives: Mapping[str, Direction], dense: Metrics
) -> None:
    picture = make_picture([], front=(), dense=dense, objectives=objectives, title="none")
    assert front_png(picture).startswith(b"\x89PNG")
    assert len(draw(picture).axes) == 1


def test_ticks_are_round_numbers_inside() -> None:
    assert round_ticks(1e3, 1e7) == [1e3, 1e4, 1e5, 1e6, 1e7]
    assert round_ticks(900.0, 5000.0) == [1000.0, 1500.0, 2000.0, 3000.0, 5000.0]
