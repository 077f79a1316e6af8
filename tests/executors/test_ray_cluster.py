"""A cluster of Ray: a head and two nodes as processes of their own, one of which is killed."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from paretoprune.executors.attempt import Evaluate, Lost
from paretoprune.executors.interface import Executor
from paretoprune.results import Job, TrialResult
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.testing import formula
from tests import engines
from tests.executors.kit import closing_at_end, context_of
from tests.faults.driver import fork, status_of, sweep
from tests.kits.servers import free_port

engines.needs_package("ray", "ray")
pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # of Ray's own imports and sockets
    pytest.mark.timeout(500),  # starting Ray takes long on a busy machine
    pytest.mark.slow,
]


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
        """Where a trial was tried, one node for each try."""
        lines = (self.notes / "tried").read_text().splitlines()
        return [line.split()[1] for line in lines if line.split()[0] == str(number)]


@pytest.fixture
def cluster() -> Iterator[dict[str, str]]:
    """A head and two nodes; the variables of `scripts/ray.sh`, with those that it prints."""
    folder = tempfile.mkdtemp(prefix="ray", dir="/tmp")  # Ray refuses long names
    variables = {
        "PARETOPRUNE_RAY": folder,
        "PARETOPRUNE_RAY_PORT": str(free_port()),
    }
    try:
        said = engines.script("ray", "start", env=variables).removeprefix("export ")
        yield variables | dict(word.replace("'", "").split("=") for word in said.split())
    finally:
        engines.script("ray", "stop", env=variables)
        shutil.rmtree(folder, ignore_errors=True)


class LosingANode(Executor):
    """An executor one of whose nodes is killed while trial 3 runs on it."""

    def __init__(self, executor: Executor, cluster: dict[str, str], trials: OnNodes) -> None:
        self.slots = executor.slots
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
            engines.script("ray", "kill", self._node_of(3), env=self._cluster)
            self._is_lost = True
        return self._executor.collect()

    def close(self) -> None:
        """Pass it on."""
        self._executor.close()

    def _node_of(self, number: int) -> str:
        import ray

        [node] = [n for n in ray.nodes() if n["NodeID"] == self._trials.nodes_of(number)[0]]
        return "node1" if "node1" in node["Resources"] else "node2"


def test_a_lost_node_costs_only_the_trials_that_it_ran(
    tmp_path: Path, cluster: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two workers with half a GPU each; `executor.address=auto` finds the cluster."""
    for name in ("RAY_ADDRESS", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.setenv(name, cluster[name])
    trials = OnNodes(tmp_path)

    def run() -> None:
        from paretoprune.executors.ray_actors import RayActors

        context = context_of(trials, tmp_path, workers=2)
        actors = RayActors(context, gpus_per_worker=0.5, address="auto")
        executor = LosingANode(actors, cluster, trials)
        with closing_at_end(executor):
            results = sweep(tmp_path / "sweep", n_trials=8, executor=executor)
        assert {result.state for result in results} <= {"complete", "duplicate"}
        assert SweepFolder(tmp_path / "sweep").read_results() == results
        first, second = trials.nodes_of(3)
        assert first != second
        tries = [len(trials.nodes_of(number)) for number in executor.numbers]
        assert sum(tries) <= len(tries) + 2, "a worker of the lost node ran at most one other trial"

    # Ray reads its variables when it is imported.
    assert status_of(fork(run)) == 0
