"""Trained again: the whole lineage by the same recipe, with other seeds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from paretoprune.config.target import Target
from paretoprune.problem.problem import make_problem
from paretoprune.results import Budget, Job, Metrics, TrialResult
from paretoprune.storage.atomic import read_json
from paretoprune.testing import formula
from paretoprune.trial.context import make_context
from paretoprune.trial.retrain import jobs_again, nth_seed, reseeded, train_again
from paretoprune.trial.run import run_trial
from tests.kits import strategies
from tests.kits.commands import OWN
from tests.trial.test_run import prepared_with


def test_seeds_are_none_that_a_sweep_took() -> None:
    def result(number: int, seed: int) -> TrialResult:
        return TrialResult(number, "complete", "chain", {}, {}, Metrics(), seed)

    seeds = {nth_seed(result(n, n), index) for n in range(1000) for index in (1, 2, 3)}
    assert len(seeds) == 3000
    assert min(seeds) > 1000
    assert 0 <= nth_seed(result(0, 2**31 - 1), 1) < 2**31


@pytest.mark.parametrize("name", ["halving", "shared", "auto", "chain", "uniform"])
@pytest.mark.parametrize("unit", ["trials", "epochs", "seconds"])
def test_every_trial_is_repeated_by_the_jobs_that_led_to_it(
    name: str, unit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Epochs, rungs, nested networks and parents are those of the sweep; only seeds differ."""
    ran: dict[int, Job] = {}
    evaluate = noting(ran, formula.evaluate)
    monkeypatch.setattr(formula, "evaluate", evaluate)
    budget = None if unit == "trials" else Budget(120.0, unit)  # type: ignore[arg-type]
    results = {r.number: r for r in strategies.sweep(name, tmp_path, budget=budget)}
    trials = [result for result in results.values() if result.state == "complete"]
    assert {r.origin for r in trials} - {"dense", "uniform", "global"} or name == "uniform"
    for trial in trials:
        jobs = jobs_again(trial, results, seed=trial.seed + 1000)
        assert jobs[-1].number == trial.number and jobs[0].parent is None
        assert [replace(job, seed=job.seed - 1000) for job in jobs] == [
            as_trained(ran[job.number], results[job.number]) for job in jobs
        ]


def as_trained(job: Job, result: TrialResult) -> Job:
    """The job with the epochs that its time allowed: a repetition has no limit of time."""
    if job.seconds is None:
        return job
    assert job.epochs is not None and 0 < result.epochs <= job.epochs
    return replace(job, seconds=None, epochs=result.epochs)


def noting(
    ran: dict[int, Job], evaluate: Callable[[Job], TrialResult]
) -> Callable[[Job], TrialResult]:
    def run(job: Job) -> TrialResult:
        ran[job.number] = job
        return evaluate(job)

    return run


def test_with_the_same_seed_a_lineage_comes_out_the_same(tmp_path: Path) -> None:
    """A candidate is not trained, a link is trained for a part, the next rung for two epochs."""
    context = prepared_with(tmp_path / "cache", "finetune.epochs=1")
    context = reseeded(context, 5)
    ratios = {group.name: 0.5 for group in context.problem.groups.prunable}
    widths = context.problem.costs.widths_of(ratios)
    jobs = [
        Job(1, "untrained", ratios, widths, 5, epochs=0.0),
        Job(2, "halving", ratios, widths, 5, epochs=0.5),
        Job(3, "halving", ratios, widths, 6, parent=2, epochs=2.0, rung=1),
    ]
    first = {j.number: run_trial(context, j, folder=tmp_path / f"{j.number:04d}") for j in jobs}
    for number in (1, 3):
        again = tmp_path / f"again{number}"
        model = train_again(
            reseeded(context, 5), first[number], first, seed=first[number].seed, folder=again
        )
        assert sum(p.numel() for p in model.parameters()) == first[number].metrics.params
        assert read_json(again / f"{number:04d}" / "plan.json") == read_json(
            tmp_path / f"{number:04d}" / "plan.json"
        )
    assert len(first[3].curve) == 2 and not first[1].curve
    same = [
        (place / "0001" / "model.safetensors").read_bytes()
        for place in (tmp_path, tmp_path / "again1")
    ]
    assert same[0] == same[1]


def test_a_users_own_data_keep_their_split_and_change_their_order(tmp_path: Path) -> None:
    """The module splits by its seed in `setup`, which a second module would do differently."""
    settings = prepared_with(tmp_path / "cache").problem.settings
    own = Target(path=f"{OWN}.own_data.OwnSplit", trust=(OWN,))
    context = make_context(make_problem(replace(settings, data=own)))
    ratios = {group.name: 0.5 for group in context.problem.groups.prunable}
    job = Job(1, "uniform", ratios, context.problem.costs.widths_of(ratios), 5)
    first = run_trial(context, job, folder=tmp_path / "0001")
    weights = {}
    for seed in (5, 6):
        again = reseeded(context, seed)
        parts = [again.problem.data.val_dataloader(), again.problem.data.test_dataloader()]
        before = [context.data.val_dataloader(), context.data.test_dataloader()]
        for one, other in zip(parts, before, strict=True):
            assert all(map(torch.equal, next(iter(one)), next(iter(other))))
        train_again(again, first, {1: first}, seed=seed, folder=tmp_path / f"again{seed}")
        weights[seed] = (tmp_path / f"again{seed}" / "0001/model.safetensors").read_bytes()
    assert weights[5] == (tmp_path / "0001" / "model.safetensors").read_bytes()
    assert weights[5] != weights[6]
