"""The contract of an executor, asserted on jobs that a formula evaluates."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from paretoprune.config.instantiate import build
from paretoprune.config.target import Target
from paretoprune.config.targets.signatures import has_trait
from paretoprune.executors.attempt import Evaluate
from paretoprune.executors.interface import Executor, ExecutorContext
from paretoprune.results import Job, TrialResult
from paretoprune.testing import formula

_NUM_JOBS = 5
_FAULTY = 1  # number of the job that raises


@dataclass(frozen=True)
class FormulaTrials:
    """Trials of the formula, of which number 1 raises ValueError; picklable."""

    def __call__(self) -> Evaluate:
        """Return the function that runs a trial; called in every worker."""
        return self.evaluate

    def evaluate(self, job: Job) -> TrialResult:
        """Return the result of a job."""
        if job.number == _FAULTY:
            raise ValueError("as expected")
        return formula.evaluate(job)


def check_executor(executor: Target, folder: Path) -> None:
    """Raise AssertionError if an executor breaks its contract.

    `Target(path="my_package.Mine", trust=["my_package"])` names a class or function as
    `executor._target_` does; `arguments` are its options. Five jobs are run with at most two at
    once; `folder` is empty and is passed on as the folder of a sweep. Every job must be returned
    once with the result of its own function, a job that raises as a failed result with the type and
    message of the exception.
    """
    workers = 1 if has_trait(executor, "runs_in_process") else 2
    trials = FormulaTrials()
    context = ExecutorContext(
        evaluate=trials.evaluate,
        open_worker=trials,
        workers=workers,
        time_limit_s=None,
        threads=1,
        folder=folder,
    )
    built: Executor = build(executor, context=context)
    jobs = [Job(n, "test", {}, formula.widths_of({}), seed=n) for n in range(_NUM_JOBS)]
    with closing(built):
        assert 1 <= built.slots <= workers, f"`slots` is {built.slots} of {workers} workers"
        results = _results(built, jobs)
    assert sorted(results) == [job.number for job in jobs], "a job was lost or returned twice"
    for job in jobs:
        result = results[job.number]
        if job.number == _FAULTY:
            assert (result.state, result.reason) == ("failed", "ValueError: as expected")
        else:
            assert result == formula.evaluate(job), f"job {job.number} has another result"


def _results(executor: Executor, jobs: Sequence[Job]) -> dict[int, TrialResult]:
    """Return the results by number, with as many jobs submitted as there are slots."""
    waiting, num_running, found = [*jobs], 0, dict[int, TrialResult]()
    while waiting or num_running:
        while waiting and num_running < executor.slots:
            executor.submit(waiting.pop(0))
            num_running += 1
        result = executor.collect()
        num_running -= 1
        assert isinstance(result, TrialResult), f"`collect` returned {result}"
        assert result.number not in found, f"job {result.number} was returned twice"
        found[result.number] = result
    return found
