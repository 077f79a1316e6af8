"""Saved views of a sweep's table in the MLflow UI: columns, their order, and sorting.

MLflow's default table shows a sweep as one collapsed row without metrics. Views are stored in tags
of the experiment, in the format of MLflow's own "Views" button.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from paretoprune.metrics import Direction
from paretoprune.tracking.record import fit_name, fit_names, ratio_name

FIRST_VIEW = "trials"  # the view that the command `ui` links to
WORKFLOW = "workflowType=machine_learning"  # URL parameter: without MLflow's UI for chats
_PREFIX = "mlflow.sharedViewState."
_COSTS = ("macs", "params", "latency_ms", "measured_speedup")
_TAGS = ("front", "baseline", "state", "origin")
_MOST_RATIOS = 60  # a tag holds 20000 characters; more columns would not be readable
_ORDER = "metrics.`{}`"


def view_tags(
    objectives: Mapping[str, Direction],
    groups: Sequence[str],
    *,
    sweep_id: str,
    created_ms: int,
) -> dict[str, str]:
    """Return the experiment's tags that hold the views: all trials, the front, failed trials."""
    first = next(iter(objectives))
    sorting = {
        "orderByKey": _ORDER.format(fit_name(first)),
        "orderByAsc": objectives[first] == "minimize",
    }
    columns = _columns(objectives, groups)
    # A sweep restarted from scratch under the same name has another id.
    this = f"tags.sweep_id = '{sweep_id}'"
    views = {
        FIRST_VIEW: ("All trials", this),
        "front": ("The front", f"{this} and tags.front = 'true'"),
        "failed": ("Failed trials", f"{this} and tags.state = 'failed'"),
    }
    return {
        _PREFIX + key: _view(name, {**sorting, "searchFilter": query, **columns}, created_ms)
        for key, (name, query) in views.items()
    }


def has_views(tags: Sequence[Mapping[str, str]]) -> bool:
    """Return True if an experiment with these tags is a sweep of paretoprune."""
    return any(tag.get("key") == _PREFIX + FIRST_VIEW for tag in tags)


def view_query(key: str) -> str:
    """Return the URL query that opens a view."""
    return f"{WORKFLOW}&viewStateShareKey={key}"


def _columns(objectives: Mapping[str, Direction], groups: Sequence[str]) -> dict[str, Any]:
    goals, costs = (
        [f"metrics.`{fit_name(name)}`" for name in names]
        for names in (objectives, [name for name in _COSTS if name not in objectives])
    )
    front, *tags = [f"tags.`{name}`" for name in _TAGS]
    # MLflow's assistant covers the right third of the table, so that the front comes early.
    selected = [*goals, front, *costs, *tags]
    ratios = [*fit_names(map(ratio_name, groups)).values()]
    selected += [f"params.`{ratio}`" for ratio in ratios[:_MOST_RATIOS]]
    return {"selectedColumns": selected, "columnOrder": ["attributes.`Run Name`", *selected]}


def _view(name: str, state: Mapping[str, Any], created_ms: int) -> str:
    """Return the envelope of MLflow 3.17: the state is JSON within JSON."""
    envelope = {
        "name": name,
        "createdAt": created_ms,
        "updatedAt": created_ms,
        "state": json.dumps(state),
    }
    return json.dumps(envelope)
