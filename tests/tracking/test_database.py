"""MLflow's SQLite file: complete or absent, with a write-ahead log, created by one process only."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from paretoprune.tracking.client import connect, import_mlflow
from paretoprune.tracking.database import ensure_sqlite
from paretoprune.tracking.uri import sqlite_uri

_CREATE = """
import sys
from pathlib import Path
from paretoprune.tracking.client import import_mlflow
from paretoprune.tracking.database import ensure_sqlite
import_mlflow()
ensure_sqlite(Path(sys.argv[1]), artifacts=Path(sys.argv[1]).parent / "mlruns")
"""


def test_a_new_file_is_complete_and_alone(new_database: Path) -> None:
    with closing(sqlite3.connect(new_database)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
        place = connection.execute("SELECT artifact_location FROM experiments").fetchone()[0]
    assert {"experiments", "runs", "metrics", "alembic_version"} <= tables
    assert place == (new_database.parent / "mlruns" / "0").as_uri()


def test_what_a_killed_creation_left_is_swept_away(tmp_path: Path) -> None:
    import_mlflow()
    folder = tmp_path / "with space"
    folder.mkdir()
    (folder / ".mlflow.db.draft").write_bytes(b"half")
    (folder / ".mlflow.db.draft-journal").write_bytes(b"half")
    ensure_sqlite(folder / "mlflow.db", artifacts=folder / "mlruns")
    assert [path.name for path in folder.iterdir()] == ["mlflow.db"]


def test_a_present_file_is_left_as_it_is(new_database: Path, tmp_path: Path) -> None:
    content = new_database.read_bytes()
    ensure_sqlite(new_database, artifacts=tmp_path)
    assert new_database.read_bytes() == content


def test_a_folder_that_cannot_be_made_is_reported_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        ensure_sqlite(tmp_path / "file" / "mlflow.db", artifacts=tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_two_processes_may_touch_a_new_place_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _CREATE, str(tmp_path / "mlflow.db")]
    started = [subprocess.Popen(command, env={"PYTHONPATH": ":".join(sys.path)}) for _ in range(2)]
    assert [process.wait(300) for process in started] == [0, 0]
    # SQLite leaves its own two files where two processes close the database at the same moment.
    left = {path.name for path in tmp_path.iterdir()} - {"mlflow.db-wal", "mlflow.db-shm"}
    assert left == {"mlflow.db"}
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_no_folder_of_an_escaped_name_is_left(tmp_path: Path) -> None:
    import_mlflow()
    file = tmp_path / "a?b" / "50% {c}" / "mlflow.db"
    client = connect(sqlite_uri(file), artifacts=file.parent / "mlruns")
    client.create_experiment("one")
    assert {path.name for path in file.parent.iterdir()} >= {"mlflow.db"}
    assert [path.name for path in tmp_path.iterdir()] == ["a?b"]
