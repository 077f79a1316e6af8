"""The tables and pages that follow a sweep: early, without slowing it down, whole at the end."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import paretoprune
from paretoprune.report.live import LiveReport, write_views
from paretoprune.results import TrialResult
from paretoprune.storage.sweep_folder import SweepFolder
from tests.cli.test_report import make_sweep


def sweep_in(folder: Path) -> tuple[SweepFolder, list[TrialResult]]:
    make_sweep(folder, "formula", seed=0)
    found = SweepFolder(folder / "sweeps" / "formula")
    return found, found.read_results()


def num_shown(folder: SweepFolder) -> int:
    """Return the number of trials in the report."""
    found = re.search(r"(\d+) trials \(", (folder.path / "report.html").read_text())
    assert found
    return int(found[1])


def test_they_are_there_from_the_first_trial_on_and_complete_at_the_end(tmp_path: Path) -> None:
    folder, results = sweep_in(tmp_path)
    with LiveReport(folder) as views:
        views.begun([])
        views.finished(results[0], results[:1])
        assert num_shown(folder) == 1
        assert '"progress":"running, ' in (folder.path / "report.html").read_text()
        for count in range(2, len(results) + 1):
            views.finished(results[count - 1], results[:count])
        # Trials of microseconds: a hundred times what writing costs has not gone by since.
        assert num_shown(folder) == 1
    assert num_shown(folder) == len(results)
    assert '"progress":null' in (folder.path / "report.html").read_text()
    assert len(paretoprune.load_sweep(folder.path)) == len(results)
    assert (folder.path / "front.png").is_file()


def test_nothing_is_written_before_the_dense_model_is_measured(tmp_path: Path) -> None:
    folder, results = sweep_in(tmp_path)
    with LiveReport(folder) as views:
        views.finished(results[3], [results[3]])
    assert not (folder.path / "report.html").exists()
    assert write_views(folder, []) is None


def test_a_report_that_cannot_be_written_costs_a_warning_and_no_sweep(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder, results = sweep_in(tmp_path)
    (folder.path / "report.html").mkdir()
    with LiveReport(folder) as views:
        views.finished(results[0], results)
    assert "the report cannot be written" in caplog.text
    assert "`paretoprune report formula` writes it later" in caplog.text
