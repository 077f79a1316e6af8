"""Chain only: its sizes, its evaluations of the proxy, its order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from paretoprune.results import Budget, Job, TrialResult
from paretoprune.search.budget.budget import RemainingBudget
from paretoprune.search.budget.trial_time import TrialTime
from paretoprune.testing import formula
from paretoprune.testing.formula_sweep import SIZES, divergence, uniform_of_size
from tests.kits.strategies import NUM_SIZES, make_links, sweep


def test_the_chain_descends_evenly_and_nested(tmp_path: Path) -> None:
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
    grid = [SIZES.between((number + 1) / NUM_SIZES) for number in range(NUM_SIZES)]
    rivals = {SIZES.size_of(uniform_of_size(size)) for size in grid}
    assert len(rivals) > 5
    assert links == sorted(rivals, reverse=True)


def test_the_chain_spares_what_matters(tmp_path: Path) -> None:
    """In the formula later groups matter more, so less is removed from them."""
    links = [r for r in sweep("chain", tmp_path) if r.origin == "chain"]
    middle = links[len(links) // 2].widths
    assert middle["g0"] < middle["g3"]


def looked_at(budget: Budget, *results: TrialResult) -> list[tuple[float, Mapping[str, float]]]:
    """The chain evaluates the proxy of candidates for its next link and takes the lowest."""
    seen: list[tuple[float, Mapping[str, float]]] = []

    def watched(parent: int | None, ratios: Mapping[str, float]) -> float:
        assert parent == (results[-1].number if results else None)
        seen.append((divergence(ratios), ratios))
        return seen[-1][0]

    links = make_links("auto", num_sizes=4)
    chain = replace(links, context=replace(links.context, proxy=watched))
    left = RemainingBudget(budget, 4.0, lambda macs: TrialTime(1.0, 0.0))
    link = chain.propose(len(results), results, [], left)
    assert link is not None
    assert link.ratios == min(seen, key=lambda proxy: proxy[0])[1]
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
    chain = make_links("chain", num_sizes=5)
    left = RemainingBudget(Budget(5, "trials"), 4.0, lambda macs: TrialTime(1.0, 0.0))
    link = chain.propose(0, [], [], left)
    assert link is not None
    job = Job(0, link.origin, link.ratios, formula.widths_of(link.ratios), 0, link.parent)
    assert chain.propose(1, [], [job], left) is None
    assert chain.propose(1, [formula.evaluate(job)], [], left) is not None
