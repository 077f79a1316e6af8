"""Links to each sweep's table and page in a running MLflow UI."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from paretoprune.tracking.views import FIRST_VIEW, WORKFLOW, has_views, view_query

_MOST_SWEEPS = 20  # maximum number of sweeps to list
_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class SweepAddress:
    """The addresses of a sweep: its table of trials, and its page with the best points."""

    name: str
    table: str
    points: str

    def lines(self) -> list[str]:
        """Return the lines to print."""
        return [
            f"  {self.name}: all trials  {self.table}",
            f"  {' ' * len(self.name)}  best points {self.points}",
        ]


def sweep_addresses(host: str, port: int) -> list[SweepAddress]:
    """Return the addresses of the latest sweeps, latest first; none if the server is too slow."""
    try:
        found = _ask(host, port, "experiments/search", {"max_results": 1000})
        sweeps = [e["experiment_id"] for e in found.get("experiments", []) if has_views(_tags(e))]
        runs = _ask(host, port, "runs/search", _of_sweeps(sweeps)).get("runs", []) if sweeps else []
    except (
        OSError,
        ValueError,
        http.client.HTTPException,
    ):  # links are optional: the UI works without them
        return []
    latest = {run["info"]["experiment_id"]: run["info"] for run in reversed(runs)}
    base = f"http://{host}:{port}/#/experiments"
    return [_address(f"{base}/{info['experiment_id']}", info) for info in reversed(latest.values())]


def _address(base: str, info: Mapping[str, Any]) -> SweepAddress:
    return SweepAddress(
        name=info["run_name"],
        table=f"{base}/runs?{view_query(FIRST_VIEW)}",
        points=f"{base}/runs/{info['run_id']}?{WORKFLOW}",
    )


def _of_sweeps(experiment_ids: Sequence[str]) -> dict[str, Any]:
    return {
        "experiment_ids": list(experiment_ids),
        "filter": "tags.kind = 'sweep'",
        "order_by": ["attributes.start_time DESC"],
        "max_results": _MOST_SWEEPS,
    }


def _tags(experiment: Mapping[str, Any]) -> Sequence[Mapping[str, str]]:
    tags: Sequence[Mapping[str, str]] = experiment.get("tags", [])
    return tags


def _ask(host: str, port: int, what: str, question: Mapping[str, Any]) -> dict[str, Any]:
    """Send one request to MLflow's REST API, bypassing proxies set in the environment."""
    connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
    try:
        body = json.dumps(question)
        headers = {"Content-Type": "application/json"}
        connection.request("POST", f"/api/2.0/mlflow/{what}", body, headers)
        answer: dict[str, Any] = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    return answer
