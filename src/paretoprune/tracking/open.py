"""Creation of the tracker of a sweep."""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from paretoprune.config.redact import redact
from paretoprune.metrics import Direction
from paretoprune.tracking.client import import_mlflow
from paretoprune.tracking.outbox import explain
from paretoprune.tracking.runs import SweepRecord, open_runs
from paretoprune.tracking.tracker import MlflowTracker, NullTracker, Tracker
from paretoprune.tracking.uri import is_server, sqlite_file

_log = logging.getLogger(__name__)

_REQUEST_S = 25.0  # MLflow's client gives a server 20 s for a request
_NEW_FILE_S = 60.0  # MLflow needs seconds to create a new file, longer on a busy machine


def open_tracker(
    uri: str,
    *,
    root: Path,
    sweep_name: str,
    sweep_id: str,
    tags: Mapping[str, str],
    params: Mapping[str, str],
    objectives: Mapping[str, Direction],
    groups: Sequence[str] = (),
    patience_s: float = 5.0,
) -> Tracker:
    """Return a tracker for a new or resumed sweep. Never raises: failures become warnings.

    Args:
        uri: from `resolve_uri`.
        root: the project's folder. Artifacts go to `mlruns` beside a SQLite file, and to its
            `mlruns` for other databases.
        sweep_name: the name of the experiment and of the parent run.
        sweep_id: unchanged when a sweep is resumed, new when it is started from scratch under
            the same name; letters, digits and dashes.
        tags, params: of the parent run.
        objectives: by name; the first columns of the table.
        groups: names, in the network's order; the table shows their ratios.
        patience_s: maximum time in seconds that a call waits for MLflow.
    """
    try:
        import_mlflow()
    except Exception as error:
        _log.warning("%s; continuing without MLflow", redact(explain(error)))
        return NullTracker()
    commit = git_commit(root)
    if commit:
        tags = {**tags, "commit": commit}
    sweep = SweepRecord(sweep_name, sweep_id, tags, params, objectives, groups)
    return _tracker_of(sweep, uri, root, commit=commit, patience_s=patience_s)


def _tracker_of(
    sweep: SweepRecord, uri: str, root: Path, *, commit: str | None, patience_s: float
) -> MlflowTracker:
    file = sqlite_file(uri)
    artifacts = (file.parent if file else root.resolve()) / "mlruns"
    return MlflowTracker(
        partial(open_runs, uri=uri, artifacts=artifacts, sweep=sweep),
        sweep_name=sweep.name,
        commit=commit,
        patience_s=patience_s,
        open_patience_s=_NEW_FILE_S if file else patience_s,
        silence_s=_REQUEST_S if is_server(uri) else patience_s,
    )


def git_commit(folder: Path) -> str | None:
    """Return the commit checked out in `folder`, with `-dirty` if files differ; None
    without git."""
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        done = subprocess.run(
            [*command, "--exclude=*"], capture_output=True, text=True, timeout=5, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
