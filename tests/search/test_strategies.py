"""What every strategy must do, on a network that is a formula; and what is the chain's own."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import pytest

from paretoprune.config import SparsitySettings
from paretoprune.executors import Inline
from paretoprune.results import Job, TrialResult
from paretoprune.search import (
    Chain,
    Full,
    Ledger,
    Strategy,
    baselines,
    distinct_ratios,
    front_of,
    measure_sensitivity,
)
from paretoprune.sweep import Problem, run_sweep
from paretoprune.sweep_folder import SweepFolder
from tests.kits import formula

NUM_TRIALS = 16


def divergence(ratios: Mapping[str, float]) -> float:
    return 100 - formula.accuracy_of(formula.widths_of(ratios))


def make_strategy(name: str, ledger: Ledger, num_first: int, max_macs: float) -> Strategy:
    if name == "full":
        return Full(ledger, lambda ratios: True, 0.9)
    return Chain(
        choices=distinct_ratios(formula.GROUPS, formula.widths_of, max_ratio=0.9),
        size_of=lambda ratios: float(formula.cost_of(ratios).macs),
        fits=lambda ratios: formula.cost_of(ratios).macs <= max_macs,
        sensitivity=lambda: measure_sensitivity(
            formula.GROUPS, divergence, levels=(0.25, 0.5, 0.75, 0.9)
        ),
        num_links=NUM_TRIALS - num_first,
    )


class Trials:
    """Evaluates the formula, and checks that a parent's weights are there when a child starts."""

    def __init__(self, folder: Path, *, stop: int | None = None) -> None:
        self.folder, self.stop = SweepFolder(folder), stop

    def __call__(self, job: Job) -> TrialResult:
        if self.stop is not None and job.number >= self.stop:
            raise KeyboardInterrupt
        if job.parent is not None:
            assert (self.folder.trial(job.parent) / "model.safetensors").is_file()
        weights = self.folder.trial(job.number) / "model.safetensors"
        weights.parent.mkdir(parents=True, exist_ok=True)
        weights.touch()
        return formula.evaluate(job)


def sweep(
    name: str, path: Path, *, stop: int | None = None, max_macs: float = 64
) -> list[TrialResult]:
    path.mkdir(exist_ok=True)
    search = formula.search_settings(NUM_TRIALS)
    folder = SweepFolder(path)
    ledger = Ledger(
        folder.study,
        name="formula",
        groups=formula.GROUPS,
        objectives=search.objectives,
        sampler=search.sampler,
        max_ratio=0.9,
        seed=0,
    )
    first = baselines(
        formula.GROUPS, formula.SCORES, formula.cost_of, ratios=(0.25, 0.5, 0.75), max_ratio=0.9
    )
    return run_sweep(
        Problem(widths_of=formula.widths_of, cost_of=formula.cost_of),
        first,
        make_strategy(name, ledger, len(first), max_macs),
        ledger=ledger,
        folder=folder,
        executor=Inline(Trials(path, stop=stop)),
        search=search,
        sparsity=SparsitySettings(max_macs=max_macs),
        seed=0,
    )


@pytest.fixture(params=["full", "chain"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_never_worse_than_the_baselines(name: str, tmp_path: Path) -> None:
    results = sweep(name, tmp_path)
    objectives = formula.search_settings().objectives
    front = [results[number].metrics for number in front_of(results, objectives)]
    for baseline in (r.metrics for r in results if r.origin in ("uniform", "global", "dense")):
        assert any(
            (m.macs or 0) <= (baseline.macs or 0) and (m.accuracy or 0) >= (baseline.accuracy or 0)
            for m in front
        )


def test_interrupted_and_continued_is_the_same(name: str, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        sweep(name, tmp_path / "a", stop=10)
    assert sweep(name, tmp_path / "a") == sweep(name, tmp_path / "b")


def test_the_chain_goes_down_evenly_and_nested(tmp_path: Path) -> None:
    links = [r for r in sweep("chain", tmp_path) if r.origin == "chain"]
    sizes = [64, *(link.metrics.macs or 0 for link in links)]
    steps = [smaller / larger for larger, smaller in pairwise(sizes)]
    assert all(step < 1 for step in steps)
    assert max(steps[:4]) - min(steps[:4]) < 0.1
    least = formula.cost_of({group.name: 0.9 for group in formula.GROUPS}).macs
    assert sizes[-1] == least
    for wider, narrower in pairwise(links):
        assert narrower.parent in (wider.number, wider.duplicate_of)
        assert all(narrower.widths[n] <= wider.widths[n] for n in wider.widths)


def test_the_chain_spares_what_matters(tmp_path: Path) -> None:
    """In the formula later groups matter more, so less is removed from them."""
    links = [r for r in sweep("chain", tmp_path) if r.origin == "chain"]
    middle = links[len(links) // 2].widths
    assert middle["g0"] < middle["g3"]


def test_the_chain_starts_below_a_limit(tmp_path: Path) -> None:
    links = [r for r in sweep("chain", tmp_path, max_macs=40) if r.origin == "chain"]
    assert links[0].parent is None
    assert all(link.state == "complete" and (link.metrics.macs or 99) <= 40 for link in links)


def test_the_chain_waits_for_its_running_link() -> None:
    chain = Chain(
        choices=distinct_ratios(formula.GROUPS, formula.widths_of, max_ratio=0.9),
        size_of=lambda ratios: float(formula.cost_of(ratios).macs),
        fits=lambda ratios: True,
        sensitivity=lambda: measure_sensitivity(formula.GROUPS, divergence, levels=(0.5, 0.9)),
        num_links=5,
    )
    link = chain.propose(0, [], [])
    assert link is not None
    job = Job(0, link.origin, link.ratios, formula.widths_of(link.ratios), 0, link.parent)
    assert chain.propose(1, [], [job]) is None
    assert chain.propose(1, [formula.evaluate(job)], []) is not None
