"""The tracker against a real MLflow database: what it writes, resuming, outages."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from paretoprune.results import TrialResult
from paretoprune.results.trials import QuantizedResult, models_of
from paretoprune.tracking.client import connect
from paretoprune.tracking.open import git_commit, open_tracker
from paretoprune.tracking.tracker import NullTracker, Tracker
from paretoprune.tracking.uri import resolve_uri
from tests.tracking.conftest import MakeTracker
from tests.tracking.kit import trial


def runs_in(root: Path) -> dict[str, Any]:
    """All runs of the experiment by name, read with MLflow's own client."""
    client = MlflowClient(f"sqlite:///{root}/mlflow.db")
    experiment = client.get_experiment_by_name("digits")
    runs = client.search_runs([experiment.experiment_id])
    named = {run.info.run_name: run for run in runs}
    assert len(named) == len(runs)
    return named


def test_a_sweep_becomes_a_parent_with_a_child_per_trial(
    root: Path, make_tracker: MakeTracker
) -> None:
    from mlflow import MlflowClient

    plan = root / "plan.json"
    plan.write_text("{}")
    tracker = make_tracker()
    tracker.log_trial(trial(0), artifacts=[plan, root / "missing.yaml"])
    tracker.log_trial(trial(1, state="failed", accuracy=10.0))
    tracker.close("FINISHED")

    runs = runs_in(root)
    assert set(runs) == {"digits", "000 macs 31% acc 97.2", "001 failed macs 31% acc 10.0"}
    parent, child = runs["digits"], runs["000 macs 31% acc 97.2"]
    assert parent.info.status == child.info.status == "FINISHED"
    assert runs["001 failed macs 31% acc 10.0"].info.status == "FAILED"
    assert parent.data.params == {"search.n_trials": "30", "seed": "0"}
    assert parent.data.tags["model"] == "resnet20"
    assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert child.data.tags["front"] == "false"
    assert child.data.params["width/fc"] == "12"
    assert child.data.metrics["macs"] == 310
    assert child.info.end_time - child.info.start_time == 7500

    client = MlflowClient(f"sqlite:///{root}/mlflow.db")
    history = client.get_metric_history(child.info.run_id, "validation_accuracy")
    assert [(point.step, point.value) for point in history] == [(1, 40.0), (2, 80.0)]
    assert [file.path for file in client.list_artifacts(child.info.run_id)] == ["plan.json"]
    assert (root / "mlruns" / "digits" / child.info.run_id / "artifacts" / "plan.json").exists()


def test_the_sweeps_run_carries_the_figures_of_its_front(
    root: Path, make_tracker: MakeTracker
) -> None:
    tracker = make_tracker()
    tracker.log_summary(note="", figures={"best/accuracy": 90.0})
    tracker.log_summary(note="", figures={"best/accuracy": 91.0, "front_models": 3.0})
    tracker.close("FINISHED")
    assert runs_in(root)["digits"].data.metrics == {"best/accuracy": 91.0, "front_models": 3.0}


def test_front_tags_follow_the_front(root: Path, make_tracker: MakeTracker) -> None:
    tracker = make_tracker()
    for number in range(3):
        tracker.log_trial(trial(number, accuracy=90.0 + number))
    tracker.mark_front({0, 1})
    tracker.mark_front({1, 2})
    tracker.close("FINISHED")
    fronts = {
        run.data.tags["trial"]: run.data.tags["front"]
        for run in runs_in(root).values()
        if "trial" in run.data.tags
    }
    assert fronts == {"0": "false", "1": "true", "2": "true"}


def test_a_quantized_model_has_a_run_of_its_own(root: Path, make_tracker: MakeTracker) -> None:
    parent = trial(1, accuracy=90.0)
    int8 = QuantizedResult("int8", 8.0, replace(parent.metrics, size_bytes=10), 1.0)
    models = models_of([replace(parent, quantized=(int8,))])
    for _ in range(2):  # resumed: the same runs are found again
        tracker = make_tracker()
        for model in models:
            tracker.log_trial(model)
        tracker.mark_front({"1-int8"})
        tracker.close("FINISHED")
    found = {
        run.data.tags["trial"]: run for run in runs_in(root).values() if "trial" in run.data.tags
    }
    assert {key: run.data.tags["front"] for key, run in found.items()} == {
        "1": "false",
        "1-int8": "true",
    }
    own = found["1-int8"].data
    assert own.metrics["size_bytes"] == 10
    assert own.tags["mlflow.runName"].startswith("001 int8 ")
    assert own.tags["origin"] == "int8"


def test_only_changed_front_tags_are_written(
    root: Path, make_tracker: MakeTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    tracker = make_tracker()
    tracker.mark_front({0})  # logged before the trial itself
    for number in range(3):
        tracker.log_trial(trial(number, accuracy=90.0 + number))
    written: list[str] = []
    real = MlflowClient.set_tag

    def set_tag(self: MlflowClient, run_id: str, key: str, value: str) -> None:
        written.append(f"{key}={value}")
        real(self, run_id, key, value)

    tracker._outbox.settle(60)
    monkeypatch.setattr(MlflowClient, "set_tag", set_tag)
    tracker.mark_front({0})
    tracker._outbox.settle(60)
    assert written == []
    tracker.mark_front({0, 2})
    tracker._outbox.settle(60)
    assert written == ["front=true"]


def test_the_summary_lands_on_the_parent(root: Path, make_tracker: MakeTracker) -> None:
    from mlflow import MlflowClient

    (root / "front.csv").write_text("number\n1\n")
    tracker = make_tracker()
    tracker.log_summary(note="# first")
    note = "# best: 1, see [all](front.csv) and [others](other.csv)"
    tracker.log_summary(note=note, files=[root / "front.csv"])
    tracker.close("KILLED")
    parent = runs_in(root)["digits"]
    assert parent.info.status == "KILLED"
    address = f"get-artifact?path=front.csv&run_uuid={parent.info.run_id}"
    expected = f"# best: 1, see [all]({address}) and [others](other.csv)"
    assert parent.data.tags["mlflow.note.content"] == expected
    client = MlflowClient(f"sqlite:///{root}/mlflow.db")
    assert [file.path for file in client.list_artifacts(parent.info.run_id)] == ["front.csv"]


def test_the_experiment_holds_views_of_the_sweep_and_its_trials(
    root: Path, make_tracker: MakeTracker
) -> None:
    from mlflow import MlflowClient

    for _ in range(2):  # resuming writes the same
        tracker = make_tracker()
        tracker.log_trial(trial(0))
        tracker.close("FINISHED")
    client = MlflowClient(f"sqlite:///{root}/mlflow.db")
    experiment = client.get_experiment_by_name("digits")
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    state = json.loads(json.loads(experiment.tags["mlflow.sharedViewState.trials"])["state"])
    assert "params.`ratio/layer1.0.conv1`" in state["selectedColumns"]
    found = client.search_runs([experiment.experiment_id], state["searchFilter"])
    assert {run.info.run_name for run in found} == {"digits", "000 macs 31% acc 97.2"}


def test_resuming_finds_the_same_runs(root: Path, make_tracker: MakeTracker) -> None:
    first = make_tracker()
    first.log_trial(trial(0))
    first.close("KILLED")
    again = make_tracker()
    assert runs_in(root)["digits"].info.status == "RUNNING"
    again.log_trial(trial(0, accuracy=11.0))  # logged again, as a resumed sweep does
    again.log_trial(trial(1, accuracy=12.0))
    again.mark_front({0})
    again.close("FINISHED")
    runs = runs_in(root)
    assert set(runs) == {"digits", "000 macs 31% acc 97.2", "001 macs 31% acc 12.0"}
    assert runs["000 macs 31% acc 97.2"].data.tags["front"] == "true"
    assert runs["digits"].info.status == "FINISHED"


def test_a_sweep_started_anew_under_its_name_gets_its_own_parent(
    root: Path, make_tracker: MakeTracker
) -> None:
    from mlflow import MlflowClient

    for sweep_id in ("id-1", "id-2"):
        tracker = make_tracker(sweep_id=sweep_id)
        tracker.log_trial(trial(0))
        tracker.close("FINISHED")
    client = MlflowClient(f"sqlite:///{root}/mlflow.db")
    experiment = client.get_experiment_by_name("digits")
    assert len(client.search_runs([experiment.experiment_id])) == 4


def test_runs_deleted_by_hand_do_not_disturb(root: Path, make_tracker: MakeTracker) -> None:
    from mlflow import MlflowClient

    tracker = make_tracker()
    tracker.log_trial(trial(0))
    tracker.log_trial(trial(1, accuracy=91.0))
    tracker._outbox.settle(60)
    client = MlflowClient(f"sqlite:///{root}/mlflow.db")
    client.delete_run(runs_in(root)["000 macs 31% acc 97.2"].info.run_id)
    tracker.mark_front({0, 1})
    tracker.close("FINISHED")
    runs = runs_in(root)
    assert set(runs) == {"digits", "001 macs 31% acc 91.0"}
    assert runs["001 macs 31% acc 91.0"].data.tags["front"] == "true"
    client.delete_experiment(runs["digits"].info.experiment_id)
    make_tracker().close("FINISHED")
    assert "digits" in runs_in(root)


def test_more_groups_than_a_batch_holds(root: Path, make_tracker: MakeTracker) -> None:
    widths = {f"layer{index}": index + 1 for index in range(130)}
    result = TrialResult.from_json({**_plain(trial(0)), "widths": widths})
    tracker = make_tracker()
    tracker.log_trial(result)
    tracker.close("FINISHED")
    params = runs_in(root)["000 macs 31% acc 97.2"].data.params
    assert {f"width/{name}": str(width) for name, width in widths.items()}.items() <= params.items()


def test_a_locked_database_costs_a_warning_and_is_written_after_the_lock(
    root: Path, make_tracker: MakeTracker, caplog: pytest.LogCaptureFixture
) -> None:
    tracker = make_tracker(patience_s=0.3)
    with closing(sqlite3.connect(root / "mlflow.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        start = time.monotonic()
        tracker.log_trial(trial(0))
        tracker.log_trial(trial(1, accuracy=91.0))
        tracker.mark_front({1})
        assert time.monotonic() - start < 5
        other.rollback()
    tracker._outbox.drain(patience_s=30)
    tracker.close("FINISHED")
    assert len([r for r in caplog.records if r.levelname == "WARNING"]) == 1
    assert set(runs_in(root)) == {"digits", "000 macs 31% acc 97.2", "001 macs 31% acc 91.0"}


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_lock_longer_than_mlflow_waits_loses_nothing(
    root: Path, make_tracker: MakeTracker, caplog: pytest.LogCaptureFixture
) -> None:
    tracker = make_tracker(patience_s=0.3)
    with closing(sqlite3.connect(root / "mlflow.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        tracker.log_trial(trial(0))
        tracker._outbox._idle.wait(40)  # MLflow gives up after 20 s
        other.rollback()
    assert "locked by another process" in caplog.text
    tracker.log_trial(trial(1, accuracy=91.0))
    tracker._outbox.drain(patience_s=200)
    tracker.close("FINISHED")
    assert set(runs_in(root)) == {"digits", "000 macs 31% acc 97.2", "001 macs 31% acc 91.0"}


def test_an_unreachable_server_costs_a_warning_and_seconds(
    make_tracker: MakeTracker, caplog: pytest.LogCaptureFixture
) -> None:
    start = time.monotonic()
    tracker = make_tracker("http://me:secret@127.0.0.1:9", patience_s=1.0)
    for number in range(5):
        tracker.log_trial(trial(number))
    tracker.mark_front({1})
    tracker.log_summary(note="x")
    tracker.close("FINISHED")
    assert time.monotonic() - start < 20
    assert "the MLflow server cannot be reached" in caplog.text
    assert "MLflow did not get" in caplog.text
    assert len(caplog.records) == 2
    assert "secret" not in caplog.text


def test_a_server_slower_than_the_patience_gets_everything(
    root: Path, make_tracker: MakeTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A delivery takes several requests, and longer than a caller waits."""

    class Slow:
        def __init__(self, client: MlflowClient) -> None:
            self._client = client

        def __getattr__(self, name: str) -> Any:
            time.sleep(0.15)
            return getattr(self._client, name)

    monkeypatch.setattr(
        "paretoprune.tracking.runs.connect", lambda *args, **kwargs: Slow(connect(*args, **kwargs))
    )
    tracker = make_tracker(patience_s=0.8)
    for number in range(4):
        tracker.log_trial(trial(number, accuracy=90.0 + number))
    begun = time.monotonic()
    assert tracker.close("FINISHED")
    assert time.monotonic() - begun > 0.8
    assert len(runs_in(root)) == 5


def test_a_file_that_is_no_database_costs_a_warning(
    root: Path, make_tracker: MakeTracker, caplog: pytest.LogCaptureFixture
) -> None:
    (root / "mlflow.db").write_text("not a database" * 100)
    tracker = make_tracker()
    tracker.log_trial(trial(0))
    assert "file is not a database" in caplog.text
    assert (root / "mlflow.db").read_text().startswith("not a database")


def test_a_damaged_mlflow_costs_a_warning(
    root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise ImportError("cannot import name 'x' from 'mlflow'")

    monkeypatch.setattr("paretoprune.tracking.open.import_mlflow", fail)
    uri = resolve_uri(None, root=root)
    tracker = open_tracker(
        uri, root=root, sweep_name="a", sweep_id="b", tags={}, params={}, objectives={}
    )
    assert isinstance(tracker, NullTracker)
    assert "cannot import name 'x'" in caplog.text


def test_the_null_tracker_takes_everything(root: Path) -> None:
    tracker: Tracker = NullTracker()
    tracker.log_trial(trial(0), artifacts=[root])
    tracker.mark_front({0})
    tracker.log_summary(note="", files=[])
    tracker.close("FINISHED")
    assert [path.name for path in root.iterdir()] == ["mlflow.db"]


def test_no_commit_outside_a_repository(tmp_path: Path) -> None:
    assert git_commit(tmp_path) is None
    assert git_commit(tmp_path / "missing") is None


def _plain(result: TrialResult) -> dict[str, Any]:
    return result.to_json()
