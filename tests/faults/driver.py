"""A sweep on a formula, here or in a process of its own, where it can be killed.

python -m tests.faults.driver FOLDER [--trials 20] [--workers 1] [--seconds 0.05] ...
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import optuna

from paretoprune.config.groups.sparsity import SparsitySettings
from paretoprune.config.instantiate import build
from paretoprune.config.target import Target
from paretoprune.executors.attempt import Evaluate
from paretoprune.executors.inline import Inline
from paretoprune.executors.interface import Executor, ExecutorContext
from paretoprune.results import Job, TrialResult
from paretoprune.search.phases.links import Links
from paretoprune.search.search_problem import SearchProblem
from paretoprune.search.strategies.interface import Strategy
from paretoprune.search.strategies.sampling import Sampling
from paretoprune.storage.atomic import write_bytes, write_json
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.sweep.loop import run_sweep
from paretoprune.sweep.record import Watcher
from paretoprune.testing import formula
from paretoprune.testing.formula_sweep import baselines_of, open_study, search_context

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Trials:
    """Runs trials: sleeps, writes a plan and weights, and reads those of the parent."""

    path: Path
    seconds: float = 0.0

    def __call__(self) -> Evaluate:
        """In the worker: nothing has to be loaded."""
        return self.evaluate

    def evaluate(self, job: Job) -> TrialResult:
        """A trial of the formula."""
        folder = SweepFolder(self.path)
        if job.parent is not None:
            parent = folder.trial(job.parent) / "model.safetensors"
            assert parent.read_bytes() == weights_of(job.parent), f"{parent} is torn"
        time.sleep(self.seconds)
        write_json(folder.trial(job.number) / "plan.json", dict(job.widths))
        write_bytes(folder.trial(job.number) / "model.safetensors", weights_of(job.number))
        return formula.evaluate(job)


def weights_of(number: int) -> bytes:
    """Stand-in for the weights of a trial."""
    return bytes([number % 256]) * 1000


def sweep(
    path: Path,
    *,
    n_trials: int = 20,
    sampler: str = "RandomSampler",
    chain: bool = False,
    executor: Executor | None = None,
    retries: int = 2,
    storage: str | None = None,
    watchers: Sequence[Watcher] = (),
    stop: Callable[[], bool] = lambda: False,
) -> list[TrialResult]:
    """A sweep in this process; its trials run where `executor` says."""
    path.mkdir(parents=True, exist_ok=True)
    folder, search = SweepFolder(path), formula.search_settings(n_trials, sampler)
    study, first = open_study(folder.study, search, storage=storage), baselines_of(search)
    assert search.sampler is not None
    context = search_context(num_first=len(first), ask=study.ask)
    strategy: Strategy = Sampling(context, search.sampler)
    if chain:
        strategy = _chain(num_links=n_trials - len(first))
    return run_sweep(
        SearchProblem(widths_of=formula.widths_of, cost_of=formula.cost_of),
        first,
        strategy,
        study=study,
        folder=folder,
        executor=executor or Inline(Trials(path).evaluate),
        search=search,
        sparsity=SparsitySettings(),
        seed=0,
        retries=retries,
        watchers=watchers,
        stop=stop,
    )


def _chain(*, num_links: int) -> Strategy:
    return Links(search_context(uses_gate_scores=False), "chain", num_links)


def numbers_in(study: Path) -> set[int]:
    """The trials that a study holds."""
    [name] = optuna.get_all_study_names(f"sqlite:///{study}")
    trials = optuna.load_study(study_name=name, storage=f"sqlite:///{study}").trials
    return {trial.user_attrs["trial"] for trial in trials}


def fork(work: Callable[[], object]) -> int:
    """The id of a copy of this process, which does some work and ends with 0, or else with 1."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def status_of(pid: int) -> int:
    """0 if that process ended well, the number of the signal that killed it, or 256 and more."""
    return os.waitpid(pid, 0)[1]


def command(path: Path, **options: object) -> list[str]:
    """The command of the same in a process of its own."""
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "tests.faults.driver", str(path), *flags]


@contextmanager
def started(path: Path, **options: object) -> Iterator[subprocess.Popen[str]]:
    """A sweep in a process of its own, which is killed at the end of the block."""
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    with subprocess.Popen(command(path, **options), cwd=ROOT, text=True, **pipes) as process:  # type: ignore[call-overload]
        try:
            yield process
        finally:
            process.kill()


def wait_for_job(path: Path, *, patience_s: float = 60.0) -> None:
    """Until a trial has begun."""
    _wait_for(lambda: any(path.glob("trials/*/job.json")), patience_s)


def wait_for_results(path: Path, count: int, *, patience_s: float = 60.0) -> None:
    """Wait until this number of trials is on record."""
    _wait_for(lambda: len(list(path.glob("trials/*/result.json"))) >= count, patience_s)


def _wait_for(condition: Callable[[], bool], patience_s: float) -> None:
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, "no progress"
        time.sleep(0.01)


def main() -> None:
    """Run, or go on with, a sweep; 0 when it is finished, 130 after Ctrl-C."""
    parser = argparse.ArgumentParser()
    parser.add_argument("path", type=Path)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0.05)
    parser.add_argument("--retries", type=int, default=2)
    parser.add_argument("--executor", default="inline")
    parser.add_argument("--chain", type=int, default=0)
    options = parser.parse_args()
    # Not part of an import: a worker imports this file, too.
    from paretoprune.cli.interrupt import gentle_interrupt

    trials = Trials(options.path, options.seconds)
    folder = SweepFolder(options.path)
    with folder.locked(), gentle_interrupt() as stop:
        name = options.executor
        executor: Executor = build(
            Target(path=f"paretoprune.executors.{name}.{name}"),
            context=ExecutorContext(
                evaluate=trials.evaluate,
                open_worker=trials,
                workers=options.workers,
                time_limit_s=None,
                threads=1,
                folder=options.path,
            ),
        )
        try:
            sweep(
                options.path,
                n_trials=options.trials,
                chain=bool(options.chain),
                executor=executor,
                retries=options.retries,
                stop=stop,
            )
        finally:
            executor.close()
        if stop():
            sys.exit(128 + signal.SIGINT)


if __name__ == "__main__":
    main()
