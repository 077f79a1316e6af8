"""A sweep's runs in MLflow: an experiment, a parent run, and a child run for each trial.

All functions may raise. After an error the runs are opened again and MLflow's content is read
again, so that repeating a write neither loses nor duplicates anything.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from paretoprune.metrics import Direction
from paretoprune.results.trials import ModelKey
from paretoprune.tracking.answers import Answers
from paretoprune.tracking.client import connect, log_values, without_retries
from paretoprune.tracking.record import Point, TrialRecord, fit_name, fit_params, fit_tags
from paretoprune.tracking.uri import is_server
from paretoprune.tracking.views import view_tags

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

_PARENT = "mlflow.parentRunId"
_NOTE = "mlflow.note.content"
_SWEEP = "sweep_id"
# Selects MLflow's UI for model training instead of the one for chats.
_KIND = {"mlflow.experimentKind": "custom_model_development"}


@dataclass(frozen=True)
class SweepRecord:
    """The identity of a sweep, and the content of its parent run."""

    name: str
    sweep_id: str
    tags: Mapping[str, str]
    params: Mapping[str, str]
    objectives: Mapping[str, Direction]
    groups: Sequence[str]  # names, in the network's order


@dataclass(frozen=True)
class Child:
    """The state of a trial's run in MLflow."""

    run_id: str
    finished: bool


@dataclass(frozen=True)
class SweepRuns:
    """The sweep's runs in MLflow. Writes update `children` and `marked`."""

    client: MlflowClient
    experiment_id: str
    parent_id: str
    sweep_id: str
    children: dict[ModelKey, Child]
    marked: set[ModelKey]  # models whose run is tagged as being on the front

    def write_trial(self, record: TrialRecord, *, front: bool) -> None:
        """Write a trial's complete run, unless a finished one exists."""
        child = self.children.get(record.key) or self._create_child(record, front=front)
        if child.finished:
            return
        log_values(
            self.client,
            child.run_id,
            params=record.params,
            points=record.points,
            timestamp_ms=record.end_ms,
        )
        _log_files(self.client, child.run_id, record.artifacts)
        self.client.set_terminated(child.run_id, record.status, end_time=record.end_ms)
        self.children[record.key] = replace(child, finished=True)

    def mark_front(self, keys: Collection[ModelKey]) -> None:
        """Set the tag `front` of the models for which it has changed."""
        for key in (self.marked ^ set(keys)) & self.children.keys():
            child, front = self.children[key], _flag(key in keys)
            self.client.set_tag(child.run_id, "front", front)
            self.marked.symmetric_difference_update({key})

    def write_summary(self, note: str, files: Sequence[Path], figures: Mapping[str, float]) -> None:
        """Put the note, the files and metrics on the parent run; links refer to the files."""
        for file in files:
            address = f"get-artifact?path={file.name}&run_uuid={self.parent_id}"
            note = note.replace(f"]({file.name})", f"]({address})")
        for name, value in fit_tags({_NOTE: note}).items():
            self.client.set_tag(self.parent_id, name, value)
        points = [Point(fit_name(name), value, 0) for name, value in figures.items()]
        now_ms = int(time.time() * 1000)
        log_values(self.client, self.parent_id, params={}, points=points, timestamp_ms=now_ms)
        _log_files(self.client, self.parent_id, files)

    def finish(self, status: str) -> None:
        """End the parent run."""
        self.client.set_terminated(self.parent_id, status)

    def _create_child(self, record: TrialRecord, *, front: bool) -> Child:
        ours = {"front": _flag(front), _PARENT: self.parent_id, _SWEEP: self.sweep_id}
        with without_retries():
            run = self.client.create_run(
                self.experiment_id,
                start_time=record.start_ms,
                run_name=record.run_name,
                tags={**record.tags, **ours},
            )
        child = Child(run.info.run_id, finished=False)
        self.children[record.key] = child
        if front:
            self.marked.add(record.key)
        return child


def open_runs(answers: Answers, uri: str, *, artifacts: Path, sweep: SweepRecord) -> SweepRuns:
    """Connect, and find or create the experiment and the parent run; find the children."""
    client = answers.of(connect(uri, artifacts=artifacts))
    # A server places artifacts itself; for a database MLflow would use the working directory.
    place = None if is_server(uri) else (artifacts / sweep.name).as_uri()
    experiment_id = open_experiment(client, sweep.name, place)
    _put_views(client, experiment_id, sweep)
    parent_id = _open_parent(client, experiment_id, sweep)
    trials = _one_per_trial(
        client, _search(client, experiment_id, f"tags.`{_PARENT}` = '{parent_id}'")
    )
    children = {
        key: Child(run.info.run_id, finished=run.info.status != "RUNNING")
        for key, run in trials.items()
    }
    marked = {key for key, run in trials.items() if run.data.tags.get("front") == _flag(True)}
    return SweepRuns(client, experiment_id, parent_id, sweep.sweep_id, children, marked)


def _one_per_trial(client: MlflowClient, runs: Iterable[Run]) -> dict[ModelKey, Run]:
    """Return the run of each trial; delete doubled ones, the finished one excepted.

    A slow server may create a run after its client has given up, and created another one.
    """
    found: dict[ModelKey, Run] = {}
    for run in runs:
        key = _key(run.data.tags["trial"])
        other = found.setdefault(key, run)
        if other is not run:
            kept, doubled = (run, other) if other.info.status == "RUNNING" else (other, run)
            client.delete_run(doubled.info.run_id)
            found[key] = kept
    return found


def find_trial_run(
    client: MlflowClient, experiment_id: str, *, sweep_id: str, trial: ModelKey
) -> str | None:
    """Return the id of a trial's run; None if MLflow does not hold it."""
    query = f"tags.{_SWEEP} = '{sweep_id}' and tags.trial = '{trial}'"
    run = next(_search(client, experiment_id, query), None)
    return str(run.info.run_id) if run else None


def open_experiment(client: MlflowClient, name: str, place: str | None) -> str:
    """Return the experiment's id; a missing or deleted experiment is created."""
    known = client.get_experiment_by_name(name)
    if known is None:
        return str(client.create_experiment(name, artifact_location=place))
    if known.lifecycle_stage == "deleted":
        client.restore_experiment(known.experiment_id)
    return str(known.experiment_id)


def _put_views(client: MlflowClient, experiment_id: str, sweep: SweepRecord) -> None:
    experiment = client.get_experiment(experiment_id)
    views = view_tags(
        sweep.objectives,
        sweep.groups,
        sweep_id=sweep.sweep_id,
        created_ms=int(experiment.creation_time or 0),
    )
    for name, value in {**_KIND, **views}.items():
        if experiment.tags.get(name) != value:
            client.set_experiment_tag(experiment_id, name, value)


def _open_parent(client: MlflowClient, experiment_id: str, sweep: SweepRecord) -> str:
    tags = fit_tags({**sweep.tags, _SWEEP: sweep.sweep_id, "kind": "sweep"})
    params = fit_params(sweep.params)
    run = next(_search(client, experiment_id, _parent_query(sweep)), None)
    if run is None:
        with without_retries():
            run = client.create_run(experiment_id, run_name=sweep.name, tags=tags)
    elif run.info.status != "RUNNING":
        client.update_run(run.info.run_id, status="RUNNING")
    for name, value in tags.items():
        if run.data.tags.get(name) != value:
            client.set_tag(run.info.run_id, name, value)
    # MLflow does not allow changing a parameter: those of the first start remain.
    new = {name: value for name, value in params.items() if name not in run.data.params}
    log_values(client, run.info.run_id, params=new)
    return str(run.info.run_id)


def _parent_query(sweep: SweepRecord) -> str:
    """Return the query for the sweep's parent run; its trials carry the same id."""
    return f"tags.{_SWEEP} = '{sweep.sweep_id}' and tags.kind = 'sweep'"


def _search(client: MlflowClient, experiment_id: str, query: str) -> Iterator[Run]:
    token = None
    while True:
        page = client.search_runs([experiment_id], query, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _log_files(client: MlflowClient, run_id: str, files: Sequence[Path]) -> None:
    for file in files:
        if file.is_file():
            client.log_artifact(run_id, str(file))


def _key(text: str) -> ModelKey:
    return int(text) if text.isdecimal() else text


def _flag(value: bool) -> str:
    return "true" if value else "false"
