"""MLflow's own server over HTTP: with a password, slow, faulty, down. All is delivered, once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from paretoprune.tracking.open import open_tracker
from paretoprune.tracking.tracker import MlflowTracker
from tests import engines
from tests.tracking.kit import trial
from tests.tracking.server import PASSWORD, Server, proxied, running

engines.needs_package("mlflow", "flask_wtf")
pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # of MLflow and its dependencies
    pytest.mark.timeout(300),  # a server needs long to start on a busy machine
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that asks for a password."""
    with running(Server(tmp_path_factory.mktemp("server"))) as server:
        yield server


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    (tmp_path / "plan.json").write_text("{}")
    return tmp_path / "plan.json"


def make_tracker(uri: str, name: str, *, patience_s: float = 5.0) -> MlflowTracker:
    tracker = open_tracker(
        uri,
        root=Path(),
        sweep_name=name,
        sweep_id=f"id-{name}",
        tags={"model": "resnet20"},
        params={"seed": "0"},
        objectives={"accuracy": "maximize", "macs": "minimize"},
        groups=["layer1.0.conv1", "fc"],
        patience_s=patience_s,
    )
    assert isinstance(tracker, MlflowTracker)
    return tracker


def log_sweep(tracker: MlflowTracker, count: int, plan: Path) -> None:
    """Send the trials of a sweep, and its front, which the latest two are."""
    for number in range(count):
        tracker.log_trial(trial(number, accuracy=90.0 + number), artifacts=[plan])
        tracker.mark_front({number - 1, number})
    tracker.log_summary(note="# the best", files=[plan], figures={"best/accuracy": 90.0 + count})


def assert_delivered(client: MlflowClient, name: str, count: int) -> None:
    """Each trial has one finished run with all that belongs to it; and so has the sweep."""
    experiment = client.get_experiment_by_name(name)
    runs = client.search_runs([experiment.experiment_id])
    parents = [run for run in runs if "trial" not in run.data.tags]
    trials = {run.data.tags["trial"]: run for run in runs if "trial" in run.data.tags}
    assert len(parents) == 1
    assert len(runs) == 1 + len(trials), "a trial is doubled"
    assert set(trials) == {str(number) for number in range(count)}
    for key, run in trials.items():
        assert run.info.status == "FINISHED"
        assert run.data.metrics["accuracy"] == 90.0 + int(key)
        assert run.data.params["width/fc"] == "12"
        assert run.data.tags["front"] == ("true" if int(key) >= count - 2 else "false")
        assert files_of(client, run) == ["plan.json"]
        points = client.get_metric_history(run.info.run_id, "validation_accuracy")
        assert [point.step for point in points] == [1, 2]
    assert parents[0].info.status == "FINISHED"
    assert parents[0].data.tags["mlflow.note.content"] == "# the best"
    assert files_of(client, parents[0]) == ["plan.json"]


def client_of(server: Server) -> MlflowClient:
    return MlflowClient(server.user_uri)


def files_of(client: MlflowClient, run: Any) -> list[str]:
    return [file.path for file in client.list_artifacts(run.info.run_id)]


def test_a_slow_server_gets_everything_and_holds_up_no_trial(server: Server, plan: Path) -> None:
    """Seven tenths of a second for each request."""
    with proxied(server, delay_s=0.7) as uri:
        tracker = make_tracker(uri, "slow", patience_s=1.0)
        begun = time.monotonic()
        log_sweep(tracker, 3, plan)
        assert time.monotonic() - begun < 6
        assert tracker.close("FINISHED")
    assert_delivered(client_of(server), "slow", 3)


@pytest.mark.parametrize("fault", ["refuse", "forget"])
def test_errors_of_a_server_neither_lose_nor_double_anything(
    server: Server, plan: Path, fault: str
) -> None:
    """Every fifth request fails, and half of the creations of runs, before or after its effect."""
    creations, faulty = [0], [True]

    def fail(count: int, path: str) -> str:
        if not faulty[0]:
            return ""
        if "runs/create" in path:
            creations[0] += 1
            return fault if creations[0] % 2 else ""
        return fault if count % 5 == 0 else ""

    with proxied(server, fault=fail) as uri:
        tracker = make_tracker(uri, fault)
        log_sweep(tracker, 4, plan)
        tracker.close("FINISHED")
        assert creations[0] > 2
        faulty[0] = False
        # The next run of the command sends the runs that are missing at the end.
        tracker = make_tracker(uri, fault)
        log_sweep(tracker, 4, plan)
        assert tracker.close("FINISHED")
    assert_delivered(client_of(server), fault, 4)


def test_a_run_that_was_created_after_its_client_gave_up_is_deleted(
    server: Server, plan: Path
) -> None:
    tracker = make_tracker(server.user_uri, "doubled")
    log_sweep(tracker, 2, plan)
    assert tracker.close("FINISHED")
    client = client_of(server)
    experiment = client.get_experiment_by_name("doubled").experiment_id
    [first] = client.search_runs([experiment], "tags.trial = '0'")
    client.create_run(experiment, tags=dict(first.data.tags))
    tracker = make_tracker(server.user_uri, "doubled")
    log_sweep(tracker, 2, plan)
    assert tracker.close("FINISHED")
    assert_delivered(client, "doubled", 2)


def test_a_server_that_is_killed_gets_the_rest_when_it_is_back(server: Server, plan: Path) -> None:
    tracker = make_tracker(server.user_uri, "killed", patience_s=2.0)
    tracker.log_trial(trial(0, accuracy=90.0), artifacts=[plan])
    tracker._outbox.settle(60)
    server.kill()
    begun = time.monotonic()
    log_sweep(tracker, 4, plan)
    assert time.monotonic() - begun < 15
    server.start()
    assert tracker.close("FINISHED")
    assert_delivered(client_of(server), "killed", 4)


def test_a_wrong_password_is_reported_without_it(
    server: Server, plan: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tracker = make_tracker(server.user_uri.replace(PASSWORD, "a wrong one"), "wrong")
    log_sweep(tracker, 2, plan)
    assert not tracker.close("FINISHED")
    assert "401" in caplog.text or "not authenticated" in caplog.text
    assert "a wrong one" not in caplog.text
    assert client_of(server).get_experiment_by_name("wrong") is None
