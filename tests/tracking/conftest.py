"""What the tests of tracking share: a project folder with an MLflow database, and trials."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from paretoprune.results import EpochRecord, Metrics, State, TrialResult
from paretoprune.tracking import MlflowTracker, open_tracker, resolve_uri
from paretoprune.tracking.client import import_mlflow
from paretoprune.tracking.database import ensure_sqlite

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
            patience_s=patience_s,
        )
        assert isinstance(tracker, MlflowTracker)
        return tracker

    return make


def trial(number: int, *, state: State = "complete", accuracy: float = 97.24) -> TrialResult:
    """A trial with two groups and a curve of two epochs."""
    return TrialResult(
        number=number,
        state=state,
        origin="sampler",
        ratios={"layer1.0.conv1": 0.5, "fc": 0.25},
        widths={"layer1.0.conv1": 8, "fc": 12},
        metrics=Metrics(accuracy=accuracy, macs=310, theoretical_speedup=1000 / 310),
        seed=7,
        curve=tuple(
            EpochRecord(epoch, 2.0 / epoch, 40.0 * epoch, 1.5 / epoch, 0.1, 3.0) for epoch in (1, 2)
        ),
        seconds={"finetune": 6.0, "measure": 1.5},
        reason="out of memory" if state == "failed" else None,
    )
