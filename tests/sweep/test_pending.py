"""Attempts at a trial whose process died."""

from __future__ import annotations

from pathlib import Path

import pytest

from paretoprune.executors.attempt import Lost
from paretoprune.results import Job
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.sweep.pending import PendingTrials
from paretoprune.testing import formula

JOB = Job(0, "test", {}, formula.widths_of({}), seed=0)


@pytest.mark.parametrize("excused", [True, False])
def test_what_the_cluster_ends_is_no_attempt(tmp_path: Path, excused: bool) -> None:
    """A job may be preempted any number of times; one that dies by itself is given up."""
    folder = SweepFolder(tmp_path)
    pending = PendingTrials(folder, retries=1)
    for _ in range(5):
        pending.begin(JOB, None)
        failed = pending.lose(Lost(JOB, "it ended", excused=excused))
        if failed is not None:
            break
    assert (failed is None) is excused
    assert folder.read_notes()[0].attempts == (0 if excused else 2)
