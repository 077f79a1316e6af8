"""Fixtures of the tracking tests: a project's folder with an MLflow database."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from paretoprune.tracking.client import import_mlflow
from paretoprune.tracking.database import ensure_sqlite
from paretoprune.tracking.open import open_tracker
from paretoprune.tracking.tracker import MlflowTracker
from paretoprune.tracking.uri import resolve_uri

MakeTracker = Callable[..., MlflowTracker]


@pytest.fixture(scope="session")
def new_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database without experiments, made once because that takes seconds."""
    folder = tmp_path_factory.mktemp("new")
    import_mlflow()
    ensure_sqlite(folder / "mlflow.db", artifacts=folder / "mlruns")
    return folder / "mlflow.db"


@pytest.fixture
def root(new_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project's folder with a database of its own."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    shutil.copy(new_database, tmp_path / "mlflow.db")
    yield tmp_path


@pytest.fixture
def make_tracker(root: Path) -> MakeTracker:
    """Opens the tracker of the sweep `digits`, as a command would do at its start."""

    def make(
        uri: str | None = None, *, sweep_id: str = "id-1", patience_s: float = 60.0
    ) -> MlflowTracker:
        tracker = open_tracker(
            resolve_uri(uri, root=root),
            root=root,
            sweep_name="digits",
            sweep_id=sweep_id,
            tags={"model": "resnet20"},
            params={"search.n_trials": "30", "seed": "0"},
            objectives={"accuracy": "maximize", "macs": "minimize"},
            groups=["layer1.0.conv1", "fc"],
            patience_s=patience_s,
        )
        assert isinstance(tracker, MlflowTracker)
        return tracker

    return make
