"""The MLflow client: lazy import, silenced output, and requests within MLflow's limits."""

from __future__ import annotations

import importlib
import logging
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from paretoprune.tracking.database import ensure_sqlite, no_stray_folders, write_without_waiting
from paretoprune.tracking.record import Point
from paretoprune.tracking.uri import sqlite_file

if TYPE_CHECKING:
    from mlflow import MlflowClient

_RETRIES = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"
# Maximum entries per call; MLflow allows 1000 metrics, and 1000 entries of all kinds together.
_MAX_PARAMS = 100
_MAX_METRICS = 800


def import_mlflow() -> None:
    """Import MLflow, which takes seconds, with telemetry and output disabled."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    # The outbox retries failed requests; MLflow's own retries would take minutes.
    os.environ.setdefault(_RETRIES, "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations between MLflow and its dependencies
        importlib.import_module("mlflow.store.tracking.sqlalchemy_store")
    # Their tracebacks and retries are replaced by our warnings.
    for name in ("mlflow", "alembic", "urllib3.connectionpool"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def connect(uri: str, *, artifacts: Path) -> MlflowClient:
    """Return a client for the URI; a missing SQLite file is created."""
    from mlflow import MlflowClient

    file = sqlite_file(uri)
    if file is not None:
        ensure_sqlite(file, artifacts=artifacts)
    if file is None:
        return MlflowClient(tracking_uri=uri)
    with no_stray_folders(uri):
        client = MlflowClient(tracking_uri=uri)
        write_without_waiting(client._tracking_client.store.engine)
    return client


@contextmanager
def without_retries() -> Iterator[None]:
    """Disable MLflow's own retries, of a request that must not be carried out twice.

    MLflow repeats a request that a server answers with an error or not at all, although the server
    may have carried it out. The variable is read at each request.
    """
    before = os.environ.get(_RETRIES)
    os.environ[_RETRIES] = "0"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_RETRIES]
        else:
            os.environ[_RETRIES] = before


def log_values(
    client: MlflowClient,
    run_id: str,
    *,
    params: Mapping[str, str],
    points: Iterable[Point] = (),
    timestamp_ms: int = 0,
) -> None:
    """Log parameters and metrics in as few calls as MLflow's limits allow."""
    from mlflow.entities import Metric, Param

    some_params = [Param(name, value) for name, value in params.items()]
    some_metrics = [Metric(point.name, point.value, timestamp_ms, point.step) for point in points]
    while some_params or some_metrics:
        client.log_batch(
            run_id, metrics=some_metrics[:_MAX_METRICS], params=some_params[:_MAX_PARAMS]
        )
        some_metrics, some_params = some_metrics[_MAX_METRICS:], some_params[_MAX_PARAMS:]
