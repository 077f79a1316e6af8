"""A study and MLflow in PostgreSQL, shared by several sweeps: a real server, started here."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import optuna
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from sqlalchemy.pool import NullPool

from paretoprune.errors import SweepError
from paretoprune.executors.inline import Inline
from paretoprune.results import Job, TrialResult
from paretoprune.storage.sweep_folder import SweepFolder
from tests import engines
from tests.faults.driver import Trials, fork, status_of, sweep
from tests.faults.test_locks import track
from tests.kits.servers import free_port

engines.needs_package("postgres", "psycopg")
pytestmark = pytest.mark.filterwarnings("ignore")  # of MLflow and its dependencies


@dataclass(frozen=True)
class Postgres:
    """A server of its own, by `scripts/postgres.sh`."""

    folder: Path
    port: int

    def run(self, action: str) -> str:
        """Return the output of the script."""
        variables = {
            "PARETOPRUNE_POSTGRES": str(self.folder / "server"),
            "PARETOPRUNE_POSTGRES_PORT": str(self.port),
        }
        return engines.script("postgres", action, env=variables)

    def url(self, database: str) -> str:
        """The address of a database, as the script prints it."""
        return f"postgresql+psycopg://me@127.0.0.1:{self.port}/{database}"


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A server, of a user who cannot enter the folders of tests where those run as root."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o755)
        postgres = Postgres(Path(name), free_port())
        assert postgres.run("start") == postgres.url("DATABASE")
        try:
            yield postgres
        finally:
            postgres.run("stop")


def test_two_sweeps_at_once_share_a_study(server: Postgres, tmp_path: Path) -> None:
    url = server.url("optuna")
    sweep(tmp_path / "first", n_trials=5, sampler="TPESampler", storage=url)
    pids = [
        fork(partial(sweep, tmp_path / name, n_trials=8, sampler="TPESampler", storage=url))
        for name in ("second", "third")
    ]
    assert [status_of(pid) for pid in pids] == [0, 0]
    trials = trials_in(url)
    owners = [trial.user_attrs["owner"] for trial in trials]
    for owner in ("first", "second", "third"):
        results = len(list((tmp_path / owner).glob("trials/*/result.json")))
        assert owners.count(owner) == results > 0
    assert len({trial.number for trial in trials}) == len(trials)
    # A resumed sweep adds nothing twice.
    sweep(tmp_path / "first", n_trials=5, sampler="TPESampler", storage=url)
    assert len(trials_in(url)) == len(trials)


def trials_in(url: str) -> list[optuna.trial.FrozenTrial]:
    storage = optuna.storages.RDBStorage(url, engine_kwargs={"poolclass": NullPool})
    [name] = optuna.get_all_study_names(storage)
    return optuna.load_study(study_name=name, storage=storage).trials


def test_mlflow_keeps_its_runs_there(server: Postgres, tmp_path: Path) -> None:
    results = sweep(tmp_path / "sweep", n_trials=4)

    def check() -> None:
        url = server.url("mlflow")
        track(tmp_path / "sweep", url, results)
        states = {run.data.tags["trial"]: run.info.status for run in runs_of("sweep", url)}
        assert states == {str(r.number): "FINISHED" for r in results}

    # MLflow leaves its connections open until its process ends.
    assert status_of(fork(check)) == 0


def test_a_server_that_is_killed_and_started_again_gets_every_trial(
    server: Postgres, tmp_path: Path
) -> None:
    """In the middle of a sweep, which continues meanwhile; the study and MLflow are both on it."""
    url, mlflow_url = server.url("optuna"), server.url("mlflow")
    before = len(trials_in(url))
    path, events = tmp_path / "killed", list[str]()

    def evaluate(job: Job) -> TrialResult:
        if job.number >= 3 and not events:
            server.run("kill")
            events.append("killed")
        elif job.number >= 6 and len(events) == 1:
            assert server.run("start") == server.url("DATABASE")
            events.append("started")
        return Trials(path).evaluate(job)

    def run() -> None:
        results = sweep(path, n_trials=10, storage=url, executor=Inline(evaluate))
        assert events == ["killed", "started"]
        assert {result.state for result in results} <= {"complete", "duplicate"}
        track(path, mlflow_url, results)

    assert status_of(fork(run)) == 0
    results = SweepFolder(path).read_results()
    assert len(results) >= 10
    ours = [t.user_attrs["trial"] for t in trials_in(url) if t.user_attrs["owner"] == "killed"]
    assert sorted(ours) == [result.number for result in results], "each once"
    assert len(trials_in(url)) == before + len(results)


def test_mlflow_there_is_killed_while_trials_are_sent(server: Postgres, tmp_path: Path) -> None:
    results = sweep(tmp_path / "sent", n_trials=6)

    def run() -> None:
        url = server.url("mlflow")
        track(tmp_path / "sent", url, results[:3])
        server.run("kill")
        track(tmp_path / "sent", url, results, patience_s=1.0)  # costs a warning and no error
        server.run("start")
        track(tmp_path / "sent", url, results)
        runs = runs_of("sent", url)
        trials = {run.data.tags["trial"] for run in runs}
        assert trials == {str(result.number) for result in results}
        assert {run.info.status for run in runs} == {"FINISHED"}
        assert len(runs) == len(results)

    assert status_of(fork(run)) == 0


def runs_of(experiment: str, uri: str) -> list[Run]:
    """The runs of the trials of a sweep."""
    client = MlflowClient(uri)
    return list(
        client.search_runs(
            [client.get_experiment_by_name(experiment).experiment_id], "tags.trial != ''"
        )
    )


def test_a_server_that_is_not_there_is_reported(tmp_path: Path) -> None:
    with pytest.raises(SweepError, match=r"`search\.storage` cannot be used") as caught:
        sweep(tmp_path, storage="postgresql+psycopg://me:secret@127.0.0.1:1/none")
    assert "secret" not in str(caught.value)
