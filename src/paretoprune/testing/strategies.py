"""The contract of a strategy, asserted on sweeps over a formula; each takes a second or less."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from paretoprune.config.target import Target
from paretoprune.results import Budget, TrialResult
from paretoprune.testing.formula_sweep import sweep

_LIMIT = 40  # MACs, of the dense model's 64
_STOPPED_AT = 10  # of 16 trials, of which the first 7 are the dense model and the baselines


def check_strategy(strategy: Target, folder: Path) -> None:
    """Raise AssertionError where a strategy does not keep its contract.

    `Target(path="my_package.Mine", trust=["my_package"])` names a class or function as
    `search.strategy._target_` does; `arguments` are its options. The sweeps are made in `folder`,
    which is empty.
    """
    check_proposals(strategy, folder / "proposals")
    check_resume(strategy, folder / "resume")
    for budget in (Budget(60, "epochs"), Budget(150, "seconds")):
        check_budget(strategy, folder / budget.unit, budget)
    check_limit(strategy, folder / "limit")
    check_workers(strategy, folder / "workers")


def check_proposals(strategy: Target, folder: Path) -> None:
    """Proposes candidates, trains none twice, and says why the search ends."""
    said: list[str] = []
    results = sweep(strategy, _made(folder), tell_end=said.append)
    own = [result for result in results if result.origin not in ("dense", "uniform", "global")]
    assert own or len(results) > 7, "no trial was proposed"
    failed = [result.reason for result in results if result.state == "failed"]
    assert not failed, failed[0]
    _assert_trained_once(results)
    assert said and said[0].strip(), "`ending` must say why the search ends"


def check_resume(strategy: Target, folder: Path) -> None:
    """A sweep that was interrupted and continued has the trials of one that was not."""
    whole = sweep(strategy, _made(folder / "whole"))
    with suppress(KeyboardInterrupt):
        sweep(strategy, _made(folder / "stopped"), stop=_STOPPED_AT)
    continued = sweep(strategy, folder / "stopped")
    assert continued == whole, "it depends on more than its options, the context and the results"


def check_budget(strategy: Target, folder: Path, budget: Budget, *, tolerance: float = 0.2) -> None:
    """Passes over the data are within the budget, and seconds to within one epoch.

    `tolerance` is a share of the seconds: the time of a size that was not trained yet is an
    estimate, which is worse the fewer trials there are.
    """
    results = sweep(strategy, _made(folder), budget=budget, n_trials=1)
    trained = [result for result in results if result.epochs]
    assert trained, "nothing was trained"
    spent = sum(result.epochs for result in trained)
    over = 1e-9
    if budget.unit == "seconds":
        spent = sum(sum(result.seconds.values()) for result in results)
        epoch = max(result.seconds["finetune"] / result.epochs for result in trained)
        over = epoch + tolerance * budget.amount
    assert spent <= budget.amount + over, f"{spent:.1f} {budget.unit} were used"


def check_limit(strategy: Target, folder: Path) -> None:
    """Some candidates are within a limit on the size; those beyond it are not trained."""
    results = sweep(strategy, _made(folder), max_macs=_LIMIT)
    trained = [result for result in results if result.epochs and result.origin != "dense"]
    assert all((result.metrics.macs or 0) <= _LIMIT for result in trained)
    assert any(result.number > 7 for result in trained), "no candidate was within the limit"


def check_workers(strategy: Target, folder: Path) -> None:
    """With three trials under way at once nothing is trained twice."""
    _assert_trained_once(sweep(strategy, _made(folder), workers=3))


def _assert_trained_once(results: list[TrialResult]) -> None:
    keys = [
        (result.rung, bool(result.nested), *result.widths.values())
        for result in results
        if result.state == "complete" and result.epochs
    ]
    assert len(keys) == len(set(keys)), "an architecture was trained twice"


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder
