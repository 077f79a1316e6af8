"""Trials as Slurm jobs, run by submitit's own stand-in for Slurm on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from paretoprune.config import ExecutorSettings
from tests.executors.kit import Trials, check_a_sweep

pytest.importorskip("submitit", reason="the extra `slurm` is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")  # of submitit's own files


@pytest.mark.slow
def test_a_sweep(tmp_path: Path) -> None:
    from paretoprune.executors.slurm_jobs import SlurmJobs

    settings = ExecutorSettings(name="slurm", workers=2, cluster="local")
    executor = SlurmJobs(Trials(tmp_path), settings, threads=1, folder=tmp_path)
    lines = check_a_sweep(executor, tmp_path)
    assert len({line.split()[1] for line in lines}) == len(lines), "a process for each try"
