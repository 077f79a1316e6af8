"""Workers as actors of Ray, started for the test on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from paretoprune.config import ExecutorSettings
from tests.executors.kit import Trials, check_a_sweep

pytest.importorskip("ray", reason="the extra `ray` is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")  # of Ray's own imports and sockets


def test_a_sweep(tmp_path: Path) -> None:
    from paretoprune.executors.ray_actors import RayActors

    settings = ExecutorSettings(name="ray", workers=2)
    executor = RayActors(Trials(tmp_path), settings, threads=1)
    workers = {line.split()[1] for line in check_a_sweep(executor, tmp_path)}
    assert len(workers) == 3, "two, and one in place of the one that was killed"
