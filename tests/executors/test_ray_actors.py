"""Workers as actors of Ray: on this machine, and on a cluster that loses a node."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from paretoprune.errors import SweepError
from paretoprune.executors.attempt import Evaluate, Lost
from paretoprune.executors.interface import Executor
from paretoprune.results import Job, TrialResult
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.testing import formula
from tests.executors.kit import Trials, check_a_sweep, closing_at_end, context_of
from tests.faults.driver import sweep

pytest.importorskip("ray", reason="the extra `ray` is not installed")
pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # of Ray's own imports and sockets
    pytest.mark.timeout(400),  # starting Ray takes long on a busy machine
]


def test_a_sweep(tmp_path: Path) -> None:
    from paretoprune.executors.ray_actors import RayActors

    executor = RayActors(context_of(Trials(tmp_path), tmp_path, workers=2))
    workers = {line.split()[1] for line in check_a_sweep(executor, tmp_path)}
    assert len(workers) == 3, "two, and one in place of the one that was killed"


class OnNodes:
    """Trials that note their node; number 3 waits, at first, until its node is gone."""

    def __init__(self, notes: Path) -> None:
        self.notes = notes

    def __call__(self) -> Evaluate:
        """In the worker."""
        return self.evaluate

    def evaluate(self, job: Job) -> TrialResult:
        """A trial of the formula."""
        import ray

        node = ray.get_runtime_context().get_node_id()
        with (self.notes / "tried").open("a") as stream:
            stream.write(f"{job.number} {node}\n")
        if job.number == 3 and len(self.nodes_of(3)) == 1:
            time.sleep(300)
        return formula.evaluate(job)

    def nodes_of(self, number: int) -> list[str]:
        """Return the node of each attempt of a trial."""
        lines = (self.notes / "tried").read_text().splitlines()
        return [line.split()[1] for line in lines if line.split()[0] == str(number)]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A Ray cluster without workers' cores at its head, and one node of two cores."""
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_health_check_period_ms", "500")  # a dead node is missed soon
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    cluster.add_node(num_cpus=2)
    cluster.wait_for_nodes()
    yield cluster
    cluster.shutdown()


class LosingANode(Executor):
    """An executor whose node is killed while trial 3 runs on it; another takes its place."""

    slots = 1

    def __init__(self, executor: Executor, cluster: Any, trials: OnNodes) -> None:
        self._executor, self._cluster, self._trials = executor, cluster, trials
        self.numbers: set[int] = set()  # of the trials that were submitted
        self._is_lost = False

    def submit(self, job: Job) -> None:
        """Pass it on."""
        self.numbers.add(job.number)
        self._executor.submit(job)

    def collect(self) -> TrialResult | Lost:
        """Pass it on, once the node is gone if it is time."""
        if 3 in self.numbers and not self._is_lost:
            while not self._trials.nodes_of(3):
                time.sleep(0.1)
            [node] = self._cluster.worker_nodes
            self._cluster.remove_node(node, allow_graceful=False)
            self._cluster.add_node(num_cpus=2)
            self._is_lost = True
        return self._executor.collect()

    def close(self) -> None:
        """Pass it on."""
        self._executor.close()


@pytest.mark.slow
def test_a_lost_node_costs_only_the_trial_that_it_ran(
    tmp_path: Path, cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `executor.address=auto`, which finds a cluster as the variable of `ray start` does."""
    from paretoprune.executors.ray_actors import RayActors

    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    trials = OnNodes(tmp_path)
    actors = RayActors(context_of(trials, tmp_path, workers=1), address="auto")
    executor = LosingANode(actors, cluster, trials)
    with closing_at_end(executor):
        results = sweep(tmp_path / "sweep", n_trials=6, executor=executor)
    assert {result.state for result in results} <= {"complete", "duplicate"}
    assert SweepFolder(tmp_path / "sweep").read_results() == results
    first, second = trials.nodes_of(3)
    assert first != second
    assert all(len(trials.nodes_of(number)) == 1 for number in executor.numbers - {3})


def test_an_address_without_a_cluster_is_reported_at_once() -> None:
    from paretoprune.executors.ray_actors import RayActors

    with pytest.raises(SweepError, match=r"no Ray cluster at `executor\.address=127\.0\.0\.1:9`"):
        RayActors(context_of(Trials(Path()), Path(), workers=1), address="127.0.0.1:9")
