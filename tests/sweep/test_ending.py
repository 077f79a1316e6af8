"""No search ends in silence: it says why, and what it needs to go on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from paretoprune.results import Budget
from paretoprune.testing import formula_sweep
from tests.kits import strategies
from tests.kits.strategies import STRATEGIES, TARGETS

FAMILIES = ("uniform", "global")
# Without strategies that repeat the baselines' architectures, which need no training.
BUSY = [name for name in STRATEGIES if name not in (*FAMILIES, "uniform_chain")]


def ending(name: str, path: Path, **options: object) -> str:
    said: list[str] = []
    strategies.sweep(name, path, tell_end=said.append, **options)  # type: ignore[arg-type]
    [why] = said
    return why


@pytest.mark.parametrize("name", BUSY)
def test_a_number_of_trials_that_is_used_up(name: str, tmp_path: Path) -> None:
    """The formula makes duplicates of the three global baselines."""
    why = ending(name, tmp_path, n_trials=10)
    assert why.startswith("its budget is spent, 10 of 10 trials (6 searched and 4 before them; ")
    assert "that needed no training are not counted" in why
    assert why.endswith("to go on, raise `search.n_trials` and add `search.extend=true`")


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("budget", [Budget(60, "epochs"), Budget(150, "seconds")], ids=str)
def test_every_search_by_time_or_passes_says_why(name: str, tmp_path: Path, budget: Budget) -> None:
    why = ending(name, tmp_path, budget=budget)
    unit = "epochs" if budget.unit == "epochs" else "s"
    if "`search.budget`" in why and "gaps of its front" not in why:
        assert f"of {budget.amount:g} {unit}" in why
        assert "raise `search.budget` and add `search.extend=true`" in why
    else:
        assert len(why) > 40


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_without_another_size(name: str, tmp_path: Path) -> None:
    why = ending(name, tmp_path, n_trials=200)
    assert why.startswith(f"each of its sizes has a {name} candidate; a larger `search.n_trials`")


def test_a_front_without_a_gap_worth_a_trial(tmp_path: Path) -> None:
    said: list[str] = []
    chain = replace(TARGETS["chain"], arguments={"min_gain": 0.9})
    formula_sweep.sweep(chain, tmp_path, n_trials=200, tell_end=said.append)
    [why] = said
    assert why.startswith("no gap of the front is worth more than 0.")
    assert (
        "`search.strategy.min_gain=0.9` asks for more; a smaller one, with `search.extend=true`, "
        "continues" in why
    )


@pytest.mark.parametrize(
    ("options", "took"),
    [
        (
            {"n_trials": 4},
            "the dense model and the baselines took 4 trials; raise `search.n_trials`",
        ),
        ({"budget": Budget(1, "seconds")}, "the dense model and the baselines took "),
    ],
)
def test_a_budget_that_leaves_nothing_to_the_search(
    tmp_path: Path, options: dict[str, object], took: str
) -> None:
    why = ending("random", tmp_path, **options)
    assert "no model was searched: " in why
    assert took in why
    assert "or ask for fewer `search.baseline_ratios`" in why


def test_a_sweep_that_continues_says_what_is_left(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="paretoprune"):
        strategies.sweep("chain", tmp_path, n_trials=8)
        assert "of its budget" not in caplog.text
        strategies.sweep("chain", tmp_path, n_trials=12)
    assert "of its budget 8 trials are spent, and 4 trials are left" in caplog.text
