"""Databases that another program has locked, longer than anybody waits."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import pytest

from paretoprune.config.groups.tracking import TrackingSettings
from paretoprune.executors.inline import Inline
from paretoprune.report.watchers.mlflow_watcher import MlflowWatcher
from paretoprune.results import Job, TrialResult
from paretoprune.search.study import stored_study
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.testing import formula
from tests.faults.driver import Trials, fork, numbers_in, status_of, sweep


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Hold a database so that no other connection can write."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_locked_study_holds_up_nothing_and_gets_everything_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_study, "_FIRST_PAUSE_S", 0.05)
    expected = sweep(tmp_path / "whole", n_trials=8)
    path, lock = tmp_path / "sweep", threading.Event()
    released = threading.Event()

    def hold() -> None:
        with locked(path / "study.db"):
            lock.set()
            released.wait(60)

    holder = threading.Thread(target=hold)

    def evaluate(job: Job) -> TrialResult:
        if job.number == 3:
            holder.start()
            lock.wait(30)
        if job.number == 7:
            released.set()
            holder.join()
        return Trials(path).evaluate(job)

    assert sweep(path, n_trials=8, executor=Inline(evaluate)) == expected
    assert numbers_in(path / "study.db") == {result.number for result in expected}


def track(folder: Path, uri: str, results: list[TrialResult], *, patience_s: float = 30) -> None:
    """Log the sweep's results to MLflow, from the first to the last."""
    objectives = dict(formula.search_settings().objectives)
    SweepFolder(folder).write_config({"search": {"objectives": objectives}, "name": "sweep"})
    settings = TrackingSettings(uri=uri)
    with MlflowWatcher(
        settings, SweepFolder(folder), objectives, tags={}, groups=[], patience_s=patience_s
    ) as tracked:
        tracked.begun(results[:2])
        for count in range(3, len(results) + 1):
            tracked.finished(results[count - 1], results[:count])


def runs_in(uri: str) -> dict[str, str]:
    """The state of each trial's run by its number."""
    from mlflow import MlflowClient

    client = MlflowClient(uri)
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    runs = client.search_runs(ids, "tags.trial != ''")
    return {run.data.tags["trial"]: run.info.status for run in runs}


@pytest.mark.filterwarnings("ignore")
def test_what_mlflow_missed_it_gets_from_the_next_run(tmp_path: Path) -> None:
    """The results in the folder are the queue on disk: no run of the command, no loss."""
    results = sweep(tmp_path / "sweep", n_trials=6)
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    track(tmp_path / "sweep", uri, results[:3])
    with locked(tmp_path / "mlflow.db"):
        # A process of its own, which takes with it what it still tries to send.
        late = partial(track, tmp_path / "sweep", uri, results, patience_s=0.3)
        assert status_of(fork(late)) == 0
    assert set(runs_in(uri)) == {"0", "1", "2"}
    track(tmp_path / "sweep", uri, SweepFolder(tmp_path / "sweep").read_results())
    assert runs_in(uri) == {str(result.number): "FINISHED" for result in results}
