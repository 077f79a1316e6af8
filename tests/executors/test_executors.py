"""The contract of every executor that a config names, and of a user's own."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from paretoprune.config.compose import targets_of
from paretoprune.config.load import load_settings
from paretoprune.config.target import Target
from paretoprune.errors import SettingsError
from paretoprune.executors.attempt import attempt
from paretoprune.executors.interface import Executor, ExecutorContext
from paretoprune.executors.packages import check_installed, needs
from paretoprune.results import Job, TrialResult
from paretoprune.testing import check_executor
from tests.config.test_load import composed, mistakes_of

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(400)]  # of Ray, submitit
FOUND = targets_of("executor")
OPTIONS = {"slurm": {"cluster": "local"}}
PACKAGES = {"ray": "ray", "slurm": "submitit"}


@pytest.mark.parametrize("name", FOUND)
def test_every_executor_keeps_the_contract(name: str, tmp_path: Path) -> None:
    if name in PACKAGES:
        pytest.importorskip(PACKAGES[name], reason=f"the extra `{name}` is not installed")
    check_executor(Target(path=FOUND[name], arguments=OPTIONS.get(name, {})), tmp_path)


def test_every_file_that_defines_an_executor_has_a_config() -> None:
    """So that the test of the contract and the reference find it."""
    helpers = {"interface", "attempt", "packages", "ray_actors"}
    helpers |= {"slurm_files", "slurm_jobs", "slurm_queue", "slurm_worker"}
    folder = Path(__file__).resolve().parents[2] / "src/paretoprune/executors"
    assert {file.stem for file in folder.glob("[!_]*.py")} - helpers == {*FOUND}


class Reversed(Executor):
    """Runs the latest job first."""

    def __init__(self, context: ExecutorContext, *, slots: int = 1) -> None:
        self.slots = slots
        self._evaluate, self._jobs = context.evaluate, list[Job]()

    def submit(self, job: Job) -> None:
        self._jobs.append(job)

    def collect(self) -> TrialResult:
        return attempt(self._evaluate, self._jobs.pop())

    def close(self) -> None:
        pass


class Silencing(Reversed):
    """Returns the same job twice."""

    def collect(self) -> TrialResult:
        return attempt(self._evaluate, self._jobs[0])


def test_an_executor_of_the_users_own_is_a_class_and_a_config_line(tmp_path: Path) -> None:
    named = (f"executor._target_={__name__}.Reversed", "+executor.slots=2", "executor.workers=2")
    settings = load_settings(composed(*named), trust=["tests.executors"])
    assert not settings.executor.runs_in_process
    check_executor(settings.executor.target, tmp_path)
    with pytest.raises(AssertionError, match="twice"):
        check_executor(Target(path=f"{__name__}.Silencing", trust=["tests.executors"]), tmp_path)
    [found] = mistakes_of(
        f"executor._target_={__name__}.Reversed", "+executor.cores=2", trust=["tests.executors"]
    )
    assert "`executor.cores` is not an argument of" in found


def test_what_is_no_executor_is_refused() -> None:
    path = "paretoprune.models.resnet20"
    [found] = mistakes_of(f"executor._target_={path}")
    assert f"`executor._target_={path}` is no executor, which has the methods submit" in found


@needs("no_such_package", extra="ray")
def needing(context: ExecutorContext) -> Executor:
    """An executor whose package is not installed."""
    raise AssertionError


def test_a_missing_package_is_named_with_the_command_that_installs_it() -> None:
    assert find_spec("no_such_package") is None
    config = composed(f"executor._target_={__name__}.needing")
    settings = load_settings(config, trust=["tests.executors"])
    with pytest.raises(SettingsError, match=r"no_such_package\): pip install \"paretoprune\[ray"):
        check_installed(settings.executor)
