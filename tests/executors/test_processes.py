"""Workers as processes of Python."""

from __future__ import annotations

import os
from pathlib import Path

from paretoprune.executors.processes import Processes
from tests.executors.kit import Trials, check_a_sweep


def test_a_sweep(tmp_path: Path) -> None:
    lines = check_a_sweep(Processes(Trials(tmp_path), workers=2), tmp_path)
    workers = {line.split()[1] for line in lines}
    assert str(os.getpid()) not in workers
    assert len(workers) == 3, "two, and one in place of the one that was killed"
