"""What every strategy must do, on a network that is a formula; and what is the chain's own."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from paretoprune.config import SparsitySettings
from paretoprune.executors import Inline
from paretoprune.results import Budget, EpochTime, Job, TrialResult
from paretoprune.search import (
    Chain,
    Family,
    Full,
    Halving,
    InTurn,
    Ledger,
    Left,
    Pace,
    Quality,
    Refill,
    Sizes,
    Sketch,
    Strategy,
    baselines,
    distinct_ratios,
    front_of,
    global_ratios,
    measure_sensitivity,
    uniform_ratios,
)
from paretoprune.search.sensitivity import ChannelDamage, Damage
from paretoprune.sweep import Problem, run_sweep
from paretoprune.sweep_folder import SweepFolder
from tests.kits import formula

NUM_TRIALS = 16
IDLE_SECONDS = 0.0135  # of `_slowness` on an idle core of an AMD EPYC


def divergence(ratios: Mapping[str, float]) -> float:
    return 100 - formula.accuracy_of(formula.widths_of(ratios))


SIZES = Sizes(
    choices=distinct_ratios(formula.GROUPS, formula.widths_of, max_ratio=0.9),
    size_of=lambda ratios: float(formula.cost_of(ratios).macs),
    macs_of=lambda ratios: float(formula.cost_of(ratios).macs),
)
QUALITY = Quality(lambda result: result.metrics.accuracy, 0.0)
SENSITIVITY = measure_sensitivity(formula.GROUPS, divergence, levels=(0.25, 0.5, 0.75, 0.9))


def look(_parent: int | None, ratios: Mapping[str, float]) -> float:
    return divergence(ratios)


def make_chain(name: str, *, max_macs: float = 64, num_sizes: int = 12) -> Chain:
    def damage(parent: TrialResult | None) -> Damage:
        if name == "chain":
            return SENSITIVITY
        scores = parent.scores if parent else {}
        return ChannelDamage.of(scores or formula.SCORES, formula.widths_of)

    def fits(ratios: Mapping[str, float]) -> bool:
        return formula.cost_of(ratios).macs <= max_macs

    return Chain(name, SIZES, fits, damage, cache(uniform_of_size), look, num_sizes)


def make_strategy(name: str, ledger: Ledger, num_first: int, max_macs: float) -> Strategy:
    full = Full(ledger, lambda ratios: True, 0.9, log_sizes=SIZES if name == "halving" else None)
    if name == "full":
        return full
    if name == "halving":
        return Halving(full, formula.search_settings().objectives, num_first)
    if name == "uniform":
        return Family(name, uniform_of_size, SIZES, 12, num_first)
    if name == "global":
        return Family(name, global_of_size, SIZES, 12, num_first)
    chain = make_chain(name, max_macs=max_macs)
    refill = Refill(SIZES, QUALITY, chain.fits, chain.damage, min_gain=0.001)
    if name == "chain":
        return InTurn((chain, refill))
    return InTurn((Sketch(SIZES, QUALITY, chain.fits, chain.damage), chain, refill))


def uniform_of_size(size: float) -> Mapping[str, float]:
    return uniform_ratios(formula.GROUPS, lambda r: SIZES.size_of(r) <= size, max_ratio=0.9)


def global_of_size(size: float) -> Mapping[str, float]:
    return global_ratios(
        formula.GROUPS, formula.SCORES, lambda r: SIZES.size_of(r) <= size, max_ratio=0.9
    )


class Trials:
    """Evaluates the formula, and checks that a parent's weights are there when a child starts."""

    def __init__(self, folder: Path, *, stop: int | None = None) -> None:
        self.folder, self.stop = SweepFolder(folder), stop
        self.seconds = 0.0  # on the sweep's clock

    def __call__(self, job: Job) -> TrialResult:
        if self.stop is not None and job.number >= self.stop:
            raise KeyboardInterrupt
        if job.parent is not None:
            assert (self.folder.trial(job.parent) / "model.safetensors").is_file()
        weights = self.folder.trial(job.number) / "model.safetensors"
        weights.parent.mkdir(parents=True, exist_ok=True)
        weights.touch()
        result = formula.evaluate(job)
        self.seconds += sum(result.seconds.values())
        return result


def sweep(
    name: str,
    path: Path,
    *,
    stop: int | None = None,
    max_macs: float = 64,
    n_trials: int = NUM_TRIALS,
    budget: Budget | None = None,
) -> list[TrialResult]:
    path.mkdir(exist_ok=True)
    search = replace(formula.search_settings(n_trials), budget=budget)
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
    trials = Trials(path, stop=stop)
    return run_sweep(
        Problem(
            formula.widths_of,
            formula.cost_of,
            epochs=4.0,
            epoch_time=EpochTime(macs=64, seconds=2.0),
        ),
        first,
        make_strategy(name, ledger, len(first), max_macs),
        ledger=ledger,
        folder=folder,
        executor=Inline(trials),
        search=search,
        sparsity=SparsitySettings(max_macs=max_macs),
        seed=0,
        clock=lambda: trials.seconds,
    )


@pytest.fixture(params=["full", "uniform", "global", "halving", "chain", "auto"])
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


def test_a_link_has_the_size_of_each_uniform_candidate(tmp_path: Path) -> None:
    results = sweep("chain", tmp_path, budget=Budget(60, "epochs"), n_trials=1)
    links = [r.metrics.macs for r in results if r.origin == "chain"]
    grid = [SIZES.between((number + 1) / 12) for number in range(12)]  # 12: of `make_strategy`
    rivals = {SIZES.size_of(uniform_of_size(size)) for size in grid}
    assert len(rivals) > 5
    assert links == sorted(rivals, reverse=True)


def test_the_chain_spares_what_matters(tmp_path: Path) -> None:
    """In the formula later groups matter more, so less is removed from them."""
    links = [r for r in sweep("chain", tmp_path) if r.origin == "chain"]
    middle = links[len(links) // 2].widths
    assert middle["g0"] < middle["g3"]


def looked_at(budget: Budget, *results: TrialResult) -> list[tuple[float, Mapping[str, float]]]:
    """What the chain looks at before its next link, with what it saw; it takes the least."""
    seen: list[tuple[float, Mapping[str, float]]] = []

    def watched(parent: int | None, ratios: Mapping[str, float]) -> float:
        assert parent == (results[-1].number if results else None)
        seen.append((divergence(ratios), ratios))
        return seen[-1][0]

    chain = replace(make_chain("auto", num_sizes=4), look=watched)
    left = Left(budget, 4.0, lambda macs: Pace(1.0, 0.0))
    link = chain.propose(len(results), results, [], left)
    assert link is not None
    assert link.ratios == min(seen, key=lambda look: look[0])[1]
    return seen


def test_the_chain_looks_at_several_allocations_and_takes_what_hurts_least() -> None:
    seen = looked_at(Budget(4, "trials"))
    assert 1 < len({tuple(ratios.values()) for _, ratios in seen}) == len(seen) <= 6
    sizes = [SIZES.size_of(ratios) for _, ratios in seen]
    assert max(sizes) <= SIZES.size_of(uniform_of_size(SIZES.between(0.25)))


def test_a_longer_time_has_more_looks() -> None:
    ratios = dict.fromkeys(formula.SCORES, 0.125)
    parent = formula.evaluate(Job(0, "auto", ratios, formula.widths_of(ratios), 0))
    parent = replace(parent, seconds={**parent.seconds, "prune": 0.1, "compensate": 0.1})
    counts = [len(looked_at(Budget(s, "seconds"), parent)) for s in (5, 120, 3000)]
    assert counts[0] <= 2 < counts[1] < counts[2] <= 24


def test_the_chain_starts_below_a_limit(tmp_path: Path) -> None:
    links = [r for r in sweep("chain", tmp_path, max_macs=40) if r.origin == "chain"]
    assert links[0].parent is None
    assert all(link.state == "complete" and (link.metrics.macs or 99) <= 40 for link in links)


def test_the_chain_waits_for_its_running_link() -> None:
    chain = make_chain("chain", num_sizes=5)
    left = Left(Budget(5, "trials"), 4.0, lambda macs: Pace(1.0, 0.0))
    link = chain.propose(0, [], [], left)
    assert link is not None
    job = Job(0, link.origin, link.ratios, formula.widths_of(link.ratios), 0, link.parent)
    assert chain.propose(1, [], [job], left) is None
    assert chain.propose(1, [formula.evaluate(job)], [], left) is not None


@pytest.mark.parametrize("budget", [Budget(60, "epochs"), Budget(150, "seconds")], ids=str)
def test_a_budget_is_kept_to_within_an_epoch(name: str, tmp_path: Path, budget: Budget) -> None:
    """In the formula an epoch takes a second or two, and a trial half a second beside."""
    results = sweep(name, tmp_path, budget=budget, n_trials=1)
    trained = [result for result in results if result.epochs]
    epochs = sum(result.epochs for result in trained)
    seconds = sum(sum(result.seconds.values()) for result in results)
    slowest = max(result.seconds["finetune"] / result.epochs for result in trained)
    if budget.unit == "epochs":
        assert epochs <= budget.amount + 1e-9
        # The last ones of a family or a chain may be baselines, and trained already.
        assert epochs >= budget.amount - (1 if name in ("full", "halving") else 15)
    else:
        assert seconds <= budget.amount + slowest
    assert len(trained) > 8


@pytest.mark.usefixtures("light_heap")
def test_a_hundred_trials_take_less_than_two_seconds(name: str, tmp_path: Path) -> None:
    slowness = _slowness()
    begun = time.process_time()
    results = sweep(name, tmp_path, n_trials=100)
    spent = time.process_time() - begun
    assert spent < 2 * max(slowness, _slowness())
    if name in ("full", "halving"):
        assert sum(result.state == "complete" for result in results) == 100


def _slowness() -> float:
    """How much slower than an idle core this one is now; 1 where it is as fast, or faster."""
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
