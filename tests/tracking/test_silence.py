"""An MLflow that takes connections and never answers costs a command seconds, not minutes."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from paretoprune.tracking.open import open_tracker
from tests.faults.driver import fork, status_of
from tests.tracking.kit import trial


@pytest.fixture
def port() -> Iterator[int]:
    """A port that never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server.getsockname()[1]


def track(uri: str, root: Path, seconds: Path) -> None:
    """Log a short sweep to MLflow; write its duration, without the import, to `seconds`."""
    from paretoprune.tracking.client import import_mlflow

    import_mlflow()
    begun = time.monotonic()
    tracker = open_tracker(
        uri, root=root, sweep_name="s", sweep_id="i", tags={}, params={}, objectives={}
    )
    for number in range(20):
        tracker.mark_front({number})
        tracker.log_trial(trial(number))
    tracker.log_summary(note="x")
    tracker.close("FINISHED")
    seconds.write_text(str(time.monotonic() - begun))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["http", "postgresql+psycopg"])
def test_silence_costs_seconds(tmp_path: Path, port: int, kind: str) -> None:
    if kind != "http":
        pytest.importorskip("psycopg", reason="psycopg, the PostgreSQL driver, is not installed")
    uri = f"{kind}://me@127.0.0.1:{port}/mlflow"
    # A process of its own, which takes with it what it still tries to send.
    work = partial(track, uri, tmp_path, tmp_path / "seconds")
    assert status_of(fork(work)) == 0
    # Five to find it out, 25 at the end for a first answer; the rest is for a busy machine.
    assert 5 <= float((tmp_path / "seconds").read_text()) < 60
