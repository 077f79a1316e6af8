"""The loop of a sweep on a formula: baselines, duplicates, limits, failures, resuming."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from paretoprune.config.groups.sparsity import SparsitySettings
from paretoprune.executors.inline import Inline
from paretoprune.results import Cost, Job, Metrics, TrialResult
from paretoprune.search.budget.limits import broken_limits
from paretoprune.search.front.front import front_of
from paretoprune.search.search_problem import SearchProblem
from paretoprune.search.strategies.sampling import Sampling
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.sweep.loop import run_sweep
from paretoprune.testing import formula
from paretoprune.testing.formula_sweep import baselines_of, open_study, search_context


@dataclass(frozen=True)
class Whole:
    """The results of an uninterrupted sweep."""

    sampler: str
    results: list[TrialResult]


def sweep(
    path: Path,
    *,
    n_trials: int = 20,
    sampler: str = "RandomSampler",
    evaluate: Callable[[Job], TrialResult] = formula.evaluate,
    sparsity: SparsitySettings | None = None,
    seed: int = 0,
    cost_of: Callable[[Mapping[str, float]], Cost] = formula.cost_of,
) -> list[TrialResult]:
    path.mkdir(exist_ok=True)
    search = formula.search_settings(n_trials, sampler)
    folder = SweepFolder(path)
    study, first = open_study(folder.study, search, seed=seed), baselines_of(search)

    assert search.sampler is not None

    def fits(ratios: Mapping[str, float]) -> bool:
        cost = formula.cost_of(ratios)
        known = Metrics(params=cost.params, macs=cost.macs)
        return not broken_limits(sparsity or SparsitySettings(), known)

    return run_sweep(
        SearchProblem(widths_of=formula.widths_of, cost_of=cost_of),
        first,
        Sampling(replace(search_context(ask=study.ask), fits=fits), search.sampler),
        study=study,
        folder=folder,
        executor=Inline(evaluate),
        search=search,
        sparsity=sparsity or SparsitySettings(),
        seed=seed,
    )


def test_architectures_are_trained_once_and_counted_once(tmp_path: Path) -> None:
    trained: list[tuple[int, ...]] = []

    def evaluate(job: Job) -> TrialResult:
        trained.append(tuple(job.widths.values()))
        return formula.evaluate(job)

    results = sweep(tmp_path, n_trials=25, evaluate=evaluate)
    assert len(trained) == len(set(trained)) == 25
    for result in results:
        if result.state == "duplicate":
            original = results[result.duplicate_of]  # type: ignore[index]
            assert (original.widths, original.metrics) == (result.widths, result.metrics)
    # With this formula uniform and global pruning are the same, so duplicates must have occurred.
    assert any(result.state == "duplicate" for result in results)


def test_baselines_are_there_and_the_front_is_never_worse_than_uniform(tmp_path: Path) -> None:
    results = sweep(tmp_path)
    assert [r.origin for r in results[:4]] == ["dense", "uniform", "global", "uniform"]
    front = [results[number] for number in front_of(results, formula.search_settings().objectives)]
    for baseline in (r for r in results if r.origin == "uniform"):
        assert any(
            r.metrics.macs <= baseline.metrics.macs  # type: ignore[operator]
            and r.metrics.quality["accuracy"] >= baseline.metrics.quality["accuracy"]
            for r in front
        )


@pytest.fixture(scope="module", params=["RandomSampler", "TPESampler", "NSGAIISampler"])
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """An uninterrupted sweep with each sampler."""
    results = sweep(tmp_path_factory.mktemp("whole"), sampler=request.param)
    return Whole(request.param, results)


def test_a_seed_gives_the_same_results_twice(whole: Whole, tmp_path: Path) -> None:
    assert sweep(tmp_path / "a", sampler=whole.sampler) == whole.results
    assert sweep(tmp_path / "b", sampler=whole.sampler, seed=1) != whole.results


@pytest.mark.parametrize("stop", [3, 11])
def test_an_interrupted_sweep_continues_to_the_same_results(
    tmp_path: Path, whole: Whole, stop: int
) -> None:
    def interrupted(job: Job) -> TrialResult:
        if job.number >= stop:
            raise KeyboardInterrupt
        return formula.evaluate(job)

    with pytest.raises(KeyboardInterrupt):
        sweep(tmp_path, sampler=whole.sampler, evaluate=interrupted)
    assert sweep(tmp_path, sampler=whole.sampler) == whole.results


def test_a_result_that_was_not_reported_is_reported_on_resume(tmp_path: Path) -> None:
    """Killed between the result file and the study: nothing is run twice, nothing is lost."""
    results = sweep(tmp_path, n_trials=10)
    (tmp_path / "study.db").unlink()

    def never(job: Job) -> TrialResult:
        raise AssertionError(f"trial {job.number} ran again")

    assert sweep(tmp_path, n_trials=10, evaluate=never) == results


def test_a_damaged_result_is_run_again(tmp_path: Path) -> None:
    results = sweep(tmp_path, n_trials=10)
    path = tmp_path / "trials" / "0009" / "result.json"
    path.write_text(path.read_text()[:50])
    assert sweep(tmp_path, n_trials=10) == results


def test_a_failing_trial_is_recorded_and_the_sweep_continues(tmp_path: Path) -> None:
    def evaluate(job: Job) -> TrialResult:
        if job.number % 3 == 1:
            raise RuntimeError("no luck")
        return formula.evaluate(job)

    results = sweep(tmp_path, n_trials=12, evaluate=evaluate)
    bad = [r for r in results if r.state == "failed"]
    assert bad
    assert all(
        r.number % 3 == 1 and (r.reason or "").startswith("RuntimeError: no luck") for r in bad
    )
    assert sum(r.state in ("complete", "failed") for r in results) == 12
    assert not set(front_of(results, formula.search_settings().objectives)) & {
        r.number for r in bad
    }


def test_size_limits_hold_before_training_and_accuracy_after(tmp_path: Path) -> None:
    limits = SparsitySettings(max_macs=40, min_accuracy=30)
    trained: list[Job] = []

    def evaluate(job: Job) -> TrialResult:
        trained.append(job)
        return formula.evaluate(job)

    results = sweep(tmp_path, n_trials=12, evaluate=evaluate, sparsity=limits)
    assert all(sum(job.widths.values()) <= 40 for job in trained)
    assert results[0].state == "infeasible"
    assert results[0].reason == "macs 64 breaks `sparsity.max_macs=40`"
    for number in front_of(results, formula.search_settings().objectives):
        assert (results[number].metrics.macs or 99) <= 40
        assert results[number].metrics.quality.get("accuracy", 0) >= 30


def test_a_forecast_over_the_limit_by_more_than_its_error_is_not_trained(tmp_path: Path) -> None:
    """A millisecond per channel, forecast to 10 %: up to 44 channels might really take 40 ms."""

    def cost_of(ratios: Mapping[str, float]) -> Cost:
        cost = formula.cost_of(ratios)
        return replace(cost, latency_ms=float(cost.macs), latency_error=0.1)

    trained: list[Job] = []

    def evaluate(job: Job) -> TrialResult:
        trained.append(job)
        result = formula.evaluate(job)
        measured = replace(result.metrics, latency_ms=float(sum(job.widths.values())))
        return replace(result, metrics=measured)

    limits = SparsitySettings(max_latency_ms=40)
    results = sweep(tmp_path, evaluate=evaluate, sparsity=limits, cost_of=cost_of)
    assert max(sum(job.widths.values()) for job in trained) <= 44
    assert results[0].state == "infeasible" and results[0].metrics.latency_ms is None
    assert results[0].reason == "latency_ms 57.6 breaks `sparsity.max_latency_ms=40`"
    for result in results:  # what was measured decides in the end
        if result.state == "complete":
            assert result.metrics.latency_ms is not None and result.metrics.latency_ms <= 40


def test_a_space_that_is_used_up_ends_the_sweep(tmp_path: Path) -> None:
    """With at most 4 channels there is one architecture: one channel in every group."""
    results = sweep(tmp_path, n_trials=25, sparsity=SparsitySettings(max_macs=11))
    trained = [r for r in results if r.state == "complete"]
    assert 0 < len(trained) < 25
    assert len(results) < 2000


def test_weights_are_kept_for_the_front_alone(tmp_path: Path) -> None:
    def evaluate(job: Job) -> TrialResult:
        weights = SweepFolder(tmp_path).trial(job.number) / "model.safetensors"
        weights.parent.mkdir(parents=True, exist_ok=True)
        weights.touch()
        return formula.evaluate(job)

    results = sweep(tmp_path, evaluate=evaluate)
    kept = {int(path.parent.name) for path in tmp_path.glob("trials/*/model.safetensors")}
    assert kept == set(front_of(results, formula.search_settings().objectives))
