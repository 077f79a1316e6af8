"""Quantized models of trials in a sweep: limits, weights that are kept, strategies, resuming."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from paretoprune.config.groups.sparsity import SparsitySettings
from paretoprune.executors.inline import Inline
from paretoprune.results import Job, Metrics, TrialResult
from paretoprune.results.trials import QuantizedResult, models_of
from paretoprune.search.front.front import front_of
from paretoprune.search.search_problem import SearchProblem
from paretoprune.search.strategies.interface import Strategy
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.sweep.loop import run_sweep
from paretoprune.testing import formula
from paretoprune.testing import formula_sweep as sweeps

OBJECTIVES = formula.search_settings().objectives
Make = Callable[[TrialResult], Metrics]


def half_of(result: TrialResult) -> Metrics:
    """A model of half the size that is as good."""
    assert result.metrics.macs is not None
    return replace(result.metrics, macs=result.metrics.macs // 2, size_bytes=10)


def evaluated(folder: SweepFolder, job: Job, make: Make | None) -> TrialResult:
    weights = folder.trial(job.number) / "model.safetensors"
    weights.parent.mkdir(parents=True, exist_ok=True)
    weights.touch()
    result = formula.evaluate(job)
    metrics = replace(result.metrics, size_bytes=100)
    result = replace(result, metrics=metrics, rivals=job.rivals)
    if make is None:
        return result
    return replace(result, quantized=(QuantizedResult("int8", 8.0, make(result), 0.1),))


def swept(
    path: Path,
    make: Make | None,
    *,
    n_trials: int = 8,
    max_size_bytes: int | None = None,
    bytes_of_bits: str | None = None,
) -> list[TrialResult]:
    search = formula.search_settings(n_trials)
    if bytes_of_bits:
        objectives = {**search.objectives, bytes_of_bits: "minimize"}
        search = replace(search, objectives=objectives)
    path.mkdir(exist_ok=True)
    folder = SweepFolder(path)
    study, first = sweeps.open_study(folder.study, search), sweeps.baselines_of(search)
    context = sweeps.search_context(num_first=len(first), ask=study.ask)
    return run_sweep(
        SearchProblem(formula.widths_of, formula.cost_of, epochs=4.0, bytes_of_bits=bytes_of_bits),
        first,
        _strategy(search.strategy, context),
        study=study,
        folder=folder,
        executor=Inline(lambda job: evaluated(folder, job, make)),
        search=search,
        sparsity=SparsitySettings(max_size_bytes=max_size_bytes),
        seed=0,
    )


def _strategy(target: object, context: object) -> Strategy:
    built: Strategy = sweeps.build(target, context=context)  # type: ignore[arg-type]
    return built


def with_weights(path: Path) -> set[int]:
    return {int(file.parent.name) for file in path.glob("trials/*/model.safetensors")}


def test_the_search_is_the_same_with_quantized_models(tmp_path: Path) -> None:
    plain, quantized = swept(tmp_path / "a", None), swept(tmp_path / "b", half_of)
    assert [replace(result, quantized=()) for result in quantized] == plain


def test_weights_stay_of_trials_whose_quantized_model_is_on_the_front(tmp_path: Path) -> None:
    results = swept(tmp_path, lambda result: replace(half_of(result), quality={"accuracy": 100.0}))
    float_front = set(front_of(results, OBJECTIVES))
    smallest = min(results, key=lambda result: result.metrics.macs or math.inf)
    assert with_weights(tmp_path) == {smallest.number}
    assert smallest.number in float_front and len(float_front) > 1


def test_a_limit_may_be_met_by_the_quantized_model_alone(tmp_path: Path) -> None:
    results = swept(tmp_path, half_of, max_size_bytes=50)
    assert {result.state for result in results} == {"infeasible", "duplicate"}
    assert {model.state for result in results for model in result.quantized} == {"complete"}
    assert with_weights(tmp_path)


def test_a_quantized_model_over_a_limit_is_infeasible(tmp_path: Path) -> None:
    results = swept(
        tmp_path, lambda result: replace(half_of(result), size_bytes=200), max_size_bytes=150
    )
    assert {result.state for result in results} == {"complete", "duplicate"}
    [reason] = {model.reason for result in results for model in result.quantized}
    assert reason is not None and "breaks `sparsity.max_size_bytes=150`" in reason


def test_a_quantized_model_without_a_quality_has_failed(tmp_path: Path) -> None:
    nan = {"accuracy": math.nan}
    results = swept(tmp_path, lambda result: replace(half_of(result), quality=nan))
    assert {result.state for result in results} == {"complete", "duplicate"}
    assert {model.state for result in results for model in result.quantized} == {"failed"}


@pytest.mark.parametrize("first", [2, 5])
def test_a_resumed_sweep_keeps_them(tmp_path: Path, first: int) -> None:
    swept(tmp_path / "b", half_of, n_trials=first)
    resumed, whole = swept(tmp_path / "b", half_of), swept(tmp_path / "a", half_of)
    assert resumed == whole
    assert _read(tmp_path / "b") == whole


def _read(path: Path) -> Sequence[TrialResult]:
    return SweepFolder(path).read_results()


def by_macs(result: TrialResult) -> Metrics:
    """A model with a hundredth of the MACs as its bytes, and two points less."""
    quality = {"accuracy": result.metrics.quality["accuracy"] - 2}
    return replace(result.metrics, quality=quality, size_bytes=(result.metrics.macs or 0) // 2)


def test_a_trial_knows_the_front_of_bytes_where_bits_are_searched(tmp_path: Path) -> None:
    results = swept(tmp_path, by_macs, bytes_of_bits="size_bytes")
    axes = {"accuracy": OBJECTIVES["accuracy"], "size_bytes": "minimize"}
    for number, result in enumerate(results):
        before = {model.key: model.metrics for model in models_of(results[:number])}
        keys = front_of(models_of(results[:number]), axes)  # type: ignore[arg-type]
        expected = tuple((before[k].size_bytes, before[k].quality["accuracy"]) for k in keys)
        assert result.rivals == expected or result.state == "duplicate"
    assert len(results[-1].rivals) > 1
    assert all(not result.rivals for result in swept(tmp_path / "other", by_macs))
