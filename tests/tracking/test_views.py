"""The saved views: what MLflow's table shows of a sweep, in the words that MLflow understands."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from mlflow.utils.validation import MAX_EXPERIMENT_TAG_VAL_LENGTH

from paretoprune.metrics import Direction
from paretoprune.tracking.record import trial_record
from paretoprune.tracking.views import FIRST_VIEW, has_views, view_query, view_tags
from tests.tracking.kit import trial

OBJECTIVES: dict[str, Direction] = {"macs": "minimize", "f1": "maximize"}


def state_of(tags: dict[str, str], key: str) -> dict[str, Any]:
    envelope = json.loads(tags[f"mlflow.sharedViewState.{key}"])
    state: dict[str, Any] = json.loads(envelope["state"])
    return state


def test_objectives_come_first_then_tags_then_ratios() -> None:
    tags = view_tags(OBJECTIVES, ["conv1", "fc"], sweep_id="x1", created_ms=5)
    columns = state_of(tags, FIRST_VIEW)["selectedColumns"]
    assert columns[:3] == ["metrics.`macs`", "metrics.`f1`", "tags.`front`"]
    assert columns[-2:] == ["params.`ratio/conv1`", "params.`ratio/fc`"]
    assert len(columns) == len(set(columns))
    for name in ("front", "baseline", "state"):
        assert f"tags.`{name}`" in columns
    assert state_of(tags, FIRST_VIEW)["orderByKey"] == "metrics.`macs`"
    assert state_of(tags, FIRST_VIEW)["orderByAsc"] is True


def test_columns_are_the_parameters_of_the_trials() -> None:
    groups = ["a:b", "a_b", "x" * 260]
    result = dataclasses.replace(trial(1), ratios=dict.fromkeys(groups, 0.5), widths={})
    tags = view_tags(OBJECTIVES, groups, sweep_id="x1", created_ms=5)
    columns = state_of(tags, FIRST_VIEW)["selectedColumns"]
    params = trial_record(result, commit=None, artifacts=()).params
    assert columns[-3:] == [f"params.`{name}`" for name in params]


def test_views_are_of_this_sweep_alone() -> None:
    tags = view_tags(OBJECTIVES, [], sweep_id="x1", created_ms=5)
    for key in (FIRST_VIEW, "front", "failed"):
        assert "tags.sweep_id = 'x1'" in state_of(tags, key)["searchFilter"]
    assert "tags.front = 'true'" in state_of(tags, "front")["searchFilter"]


def test_a_network_of_many_groups_fits_a_tag() -> None:
    groups = [f"backbone.stage{index}.block.with_a_long_name.conv{index}" for index in range(2000)]
    tags = view_tags(OBJECTIVES, groups, sweep_id="x" * 32, created_ms=5)
    assert max(len(value) for value in tags.values()) < MAX_EXPERIMENT_TAG_VAL_LENGTH


def test_sweeps_are_known_by_their_views() -> None:
    tags = view_tags(OBJECTIVES, [], sweep_id="x1", created_ms=5)
    assert has_views([{"key": key, "value": value} for key, value in tags.items()])
    assert not has_views([{"key": "mlflow.note.content", "value": "mine"}])
    assert view_query("front").endswith("viewStateShareKey=front")
