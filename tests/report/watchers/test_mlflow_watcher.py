"""A sweep's page in MLflow follows the front while the sweep runs."""

from __future__ import annotations

import time
from pathlib import Path

import mlflow
import pytest

from paretoprune.config.groups.tracking import TrackingSettings
from paretoprune.report.summary_data import objectives_of
from paretoprune.report.watchers.mlflow_watcher import MlflowWatcher
from paretoprune.results import TrialResult
from paretoprune.search.front.front import front_of
from paretoprune.storage.sweep_folder import SweepFolder
from tests.cli.test_report import make_sweep


def track(folder: SweepFolder, uri: str, *, every_s: float) -> MlflowWatcher:
    objectives = objectives_of(folder.read_config())
    settings = TrackingSettings(uri=uri)
    return MlflowWatcher(settings, folder, objectives, tags={}, groups=[], every_s=every_s)


def sweep_in(folder: Path) -> tuple[SweepFolder, list[TrialResult], str]:
    make_sweep(folder, "formula", seed=0)
    found = SweepFolder(folder / "sweeps" / "formula")
    return found, found.read_results(), f"sqlite:///{folder}/mlflow.db"


def page_with(uri: str, words: str) -> tuple[str, set[str]]:
    """The page once it has these words: MLflow is updated while the sweep runs."""
    for _ in range(600):
        note, files = page(uri)
        if words in note and "front.png" in files:
            return note, files
        time.sleep(0.1)
    raise AssertionError(f"the page has no {words!r}: {note}")


def page(uri: str) -> tuple[str, set[str]]:
    """The note on the sweep's own run, and the files beside it."""
    client = mlflow.MlflowClient(uri)
    [experiment] = [e for e in client.search_experiments() if e.name == "formula"]
    runs = client.search_runs([experiment.experiment_id])
    [parent] = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    files = {file.path for file in client.list_artifacts(parent.info.run_id)}
    return parent.data.tags.get("mlflow.note.content", ""), files


@pytest.mark.timeout(600)
def test_the_page_tells_of_the_front_so_far(tmp_path: Path) -> None:
    folder, results, uri = sweep_in(tmp_path)
    with track(folder, uri, every_s=0) as tracked:
        tracked.begun([])
        tracked.finished(results[0], results[:1])
        note, _ = page_with(uri, "**formula**: 1 models")
        for count in range(2, len(results) + 1):
            tracked.finished(results[count - 1], results[:count])
        size = len(front_of(results, objectives_of(folder.read_config())))
        while_it_ran, _ = page_with(uri, f"**formula**: {size} models")
    assert while_it_ran == page(uri)[0] != note


@pytest.mark.timeout(600)
def test_it_is_not_written_more_often_than_said(tmp_path: Path) -> None:
    folder, results, uri = sweep_in(tmp_path)
    with track(folder, uri, every_s=3600) as tracked:
        tracked.begun([])
        tracked.finished(results[0], results[:1])
        assert page(uri) == ("", set())
    assert "**formula**: 1 models" in page(uri)[0]


@pytest.mark.timeout(600)
def test_a_picture_that_cannot_be_drawn_costs_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder, results, uri = sweep_in(tmp_path)
    (folder.path / "front.png").mkdir()
    with track(folder, uri, every_s=0) as tracked:
        tracked.begun([])
        tracked.finished(results[0], results[:1])
    assert "the sweep's page in MLflow is not up to date" in caplog.text
