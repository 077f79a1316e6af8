"""A study and MLflow in PostgreSQL, shared by several sweeps: a real server, started here."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import quote

import optuna
import pytest
from sqlalchemy.pool import NullPool

from paretoprune.errors import SweepError
from tests.faults.driver import fork, status_of, sweep
from tests.faults.test_locks import runs_in, track

pytest.importorskip("psycopg", reason="psycopg, the PostgreSQL driver, is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")  # of MLflow and its dependencies


def program(name: str) -> str:
    """A program of PostgreSQL, which Debian keeps out of the PATH."""
    places = [str(path) for path in Path("/usr/lib/postgresql").glob("*/bin")]
    found = shutil.which(name, path=os.pathsep.join([*places, os.environ["PATH"]]))
    if found is None:
        pytest.skip("no PostgreSQL server is installed here")
    return found


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A server that listens on a socket in its own folder; the URL without the database."""
    user = "postgres" if os.geteuid() == 0 else None  # it refuses to run as root
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o777)
        data, port = folder / "data", "54999"

        def run(*command: str) -> None:
            subprocess.run(command, user=user, cwd=folder, check=True, stdout=subprocess.DEVNULL)

        run(program("initdb"), "-D", str(data), "-U", "me", "-A", "trust")
        options = f"-k {folder} -p {port} -c listen_addresses= -c fsync=off"
        control = (program("pg_ctl"), "-D", str(data), "-w", "-l", str(folder / "log"))
        run(*control, "-o", options, "start")
        try:
            for database in ("optuna", "mlflow"):
                run(program("createdb"), "-h", str(folder), "-p", port, "-U", "me", database)
            host = quote(name, safe="")
            yield f"postgresql+psycopg://me@/DATABASE?host={host}&port={port}"
        finally:
            run(*control, "-m", "immediate", "stop")


def test_two_sweeps_at_once_share_a_study(server: str, tmp_path: Path) -> None:
    url = server.replace("DATABASE", "optuna")
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


def test_mlflow_keeps_its_runs_there(server: str, tmp_path: Path) -> None:
    results = sweep(tmp_path / "sweep", n_trials=4)

    def check() -> None:
        url = server.replace("DATABASE", "mlflow")
        track(tmp_path / "sweep", url, results)
        assert runs_in(url) == {str(r.number): "FINISHED" for r in results}

    # MLflow leaves its connections open until its process ends.
    assert status_of(fork(check)) == 0


def test_a_server_that_is_not_there_is_reported(tmp_path: Path) -> None:
    with pytest.raises(SweepError, match=r"`search\.storage` cannot be used") as caught:
        sweep(tmp_path, storage="postgresql+psycopg://me:secret@127.0.0.1:1/none")
    assert "secret" not in str(caught.value)
