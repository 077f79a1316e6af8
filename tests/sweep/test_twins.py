"""With several workers nothing is trained or proposed twice, whatever is under way."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from paretoprune.results import GroupInfo, TrialResult
from paretoprune.search.allocation.sensitivity import distinct_ratios, measure_sensitivity
from paretoprune.search.allocation.sizes import Sizes
from paretoprune.testing import formula, formula_sweep
from tests.kits import strategies

NUM_FIRST = 5  # the dense model, two uniform and two global ones
WIDTH = 12  # of the only group, so that all strategies soon come to the same architectures


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network of one group: every candidate is a uniform one, and so is every baseline."""
    groups = (GroupInfo("g0", WIDTH),)
    monkeypatch.setattr(formula, "GROUPS", groups)
    monkeypatch.setattr(formula, "SCORES", {"g0": tuple(float(c) for c in range(WIDTH))})
    choices = distinct_ratios(groups, formula.widths_of, max_ratio=0.9)
    sizes = Sizes(choices, formula_sweep.SIZES.size_of, formula_sweep.SIZES.macs_of)
    monkeypatch.setattr(formula_sweep, "SIZES", sizes)
    levels = (0.25, 0.5, 0.75, 0.9)
    found = measure_sensitivity(groups, formula_sweep.divergence, levels=levels)
    monkeypatch.setattr(formula_sweep, "SENSITIVITY", found)


def key(result: TrialResult) -> tuple[object, ...]:
    return (result.rung, bool(result.nested), *result.widths.values())


def most_proposed(results: list[TrialResult]) -> int:
    """Count equal proposals of a strategy. A family of few members comes back to its last."""
    proposed = Counter((r.origin, r.rung, *r.ratios.values()) for r in results[NUM_FIRST:])
    return max(proposed.values())


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("n_trials", [4, 8])
@pytest.mark.parametrize("workers", [2, 4])
@pytest.mark.parametrize("name", strategies.STRATEGIES)
def test_no_strategy_repeats_what_is_under_way(
    name: str, workers: int, n_trials: int, tmp_path: Path
) -> None:
    def sweep(path: Path, **options: int) -> list[TrialResult]:
        ratios = (0.5, 0.9)  # the smallest candidate comes last, and runs as the search begins
        return strategies.sweep(name, path, n_trials=n_trials, baseline_ratios=ratios, **options)

    results, alone = sweep(tmp_path, workers=workers), sweep(tmp_path / "alone")
    trained = [result for result in results if result.state == "complete"]
    assert len({key(result) for result in trained}) == len(trained)
    assert len(trained) == sum(result.state == "complete" for result in alone)
    assert most_proposed(results) <= most_proposed(alone)
    duplicates = sum(result.state == "duplicate" for result in results)
    assert duplicates <= sum(result.state == "duplicate" for result in alone) + 2 * workers


@pytest.mark.usefixtures("tiny")
def test_a_space_that_is_used_up_is_said_once_all_workers_are_idle(tmp_path: Path) -> None:
    said: list[str] = []
    results = strategies.sweep("random", tmp_path, n_trials=99, workers=4, tell_end=said.append)
    widths = {result.widths["g0"] for result in results}
    assert widths >= set(range(2, WIDTH + 1))
    assert len(results) < 300
    [why] = said
    assert "its last 50 proposals were architectures that are on record" in why
