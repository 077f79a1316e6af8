"""The contract of strategies, on a network that is a formula."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from paretoprune.config.load import load_settings
from paretoprune.config.target import Target
from paretoprune.config.targets.signatures import argument_names
from paretoprune.results import Budget
from paretoprune.search.front.front import front_of
from paretoprune.testing import check_strategy, formula, formula_sweep
from paretoprune.testing.strategies import check_budget
from tests.config.test_load import composed
from tests.kits.strategies import SAMPLERS, STRATEGIES, TARGETS, sweep

IDLE_SECONDS = 0.0135  # of `_slowness` on an idle core of an AMD EPYC


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_keeps_the_contract(name: str, tmp_path: Path) -> None:
    check_strategy(TARGETS[name], tmp_path)


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_budget_of_seconds_is_kept_to_within_an_epoch(name: str, tmp_path: Path) -> None:
    check_budget(TARGETS[name], tmp_path / "sweep", Budget(150, "seconds"), tolerance=0)


@pytest.mark.parametrize("fault", ["Forgetful", "Silent"])
def test_the_contract_notices_a_strategy_that_breaks_it(fault: str, tmp_path: Path) -> None:
    strategy = Target(path=f"tests.kits.own_strategy.{fault}", trust=["tests.kits"])
    with pytest.raises(AssertionError):
        check_strategy(strategy, tmp_path)


def test_a_strategy_of_the_users_own_is_a_class_and_a_config_line(tmp_path: Path) -> None:
    named = "search.strategy._target_=tests.kits.own_strategy.Halves"
    config = composed("search=auto", named, "+search.strategy.steps=3", "name=x")
    search = load_settings(config, trust=["tests.kits"]).search
    assert search is not None
    check_strategy(search.strategy, tmp_path)


@pytest.mark.parametrize("name", STRATEGIES)
def test_never_worse_than_the_baselines(name: str, tmp_path: Path) -> None:
    results = sweep(name, tmp_path)
    objectives = formula.search_settings().objectives
    front = [results[number].metrics for number in front_of(results, objectives)]
    for baseline in (r.metrics for r in results if r.origin in ("uniform", "global", "dense")):
        assert any(
            (m.macs or 0) <= (baseline.macs or 0)
            and m.quality.get("accuracy", 0) >= baseline.quality.get("accuracy", 0)
            for m in front
        )


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_budget_of_passes_is_used(name: str, tmp_path: Path) -> None:
    names = argument_names(TARGETS[name])
    options = {"num_sizes": 12} if "num_sizes" in names else {}
    target = replace(TARGETS[name], arguments={**TARGETS[name].arguments, **options})
    results = formula_sweep.sweep(target, tmp_path, budget=Budget(60, "epochs"), n_trials=1)
    trained = [result for result in results if result.epochs]
    if name != "uniform_chain":  # most of its models are baselines, and trained already
        # So may be the last ones of a family or a chain.
        spare = 1 if name in SAMPLERS else 15
        assert sum(result.epochs for result in trained) >= 60 - spare
        assert len(trained) > 8


@pytest.mark.parametrize("budget", [Budget(24, "epochs"), Budget(45, "seconds")], ids=str)
def test_baselines_take_a_third_of_a_short_budget(tmp_path: Path, budget: Budget) -> None:
    """Their whole training would be four epochs for each."""
    results = sweep("uniform", tmp_path, budget=budget, n_trials=1)
    first, others = results[:7], results[7:]
    trained = [result for result in first if result.epochs]
    spent = sum(r.epochs if budget.unit == "epochs" else sum(r.seconds.values()) for r in first)
    assert len(trained) >= 3
    assert all(0.5 < result.epochs < 2 for result in trained)
    assert spent <= budget.amount / 3
    assert sum(result.epochs for result in others) > 2 * sum(result.epochs for result in trained)


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.usefixtures("light_heap")
def test_a_hundred_trials_take_less_than_two_seconds(name: str, tmp_path: Path) -> None:
    slowness = _slowness()
    begun = time.process_time()
    results = sweep(name, tmp_path, n_trials=100)
    spent = time.process_time() - begun
    assert spent < 2 * max(slowness, _slowness())
    if name in SAMPLERS:
        assert sum(result.state == "complete" for result in results) == 100


def _slowness() -> float:
    """Return the slowdown of this core against an idle one, at least 1."""
    begun = time.process_time()
    for _ in range(20):
        numbers = {str(number): number for number in range(5000)}
        sorted(numbers, key=lambda text: -numbers[text])
    return max(1.0, (time.process_time() - begun) / IDLE_SECONDS)


def test_promotions_go_on_with_the_same_widths(tmp_path: Path) -> None:
    results = sweep("halving", tmp_path, n_trials=60)
    promoted = [result for result in results if result.rung > 0]
    assert {result.rung for result in promoted} == {1, 2}
    for result in promoted:
        assert result.parent is not None
        before = results[result.parent]
        assert (before.rung, before.widths) == (result.rung - 1, result.widths)
        assert result.epochs == pytest.approx(3 * before.epochs)
    # A rung's best are promoted: one in three of those that finished it, never one twice.
    for rung in (0, 1):
        finished = [r for r in results[7:] if r.rung == rung and r.state == "complete"]
        chosen = [r.parent for r in promoted if r.rung == rung + 1]
        assert len(set(chosen)) == len(chosen) <= len(finished) / 3 + 2
