"""Shared weights only: the trunk, its nested models, and the training time."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from paretoprune.results import Budget, Job, Proposal
from paretoprune.search.budget.budget import RemainingBudget
from paretoprune.search.budget.trial_time import TrialTime
from paretoprune.search.phases.nested_trunk import NestedTrunk
from paretoprune.sweep.results import SweepResults, is_twin
from paretoprune.testing import formula
from paretoprune.testing.formula_sweep import SIZES
from tests.kits.strategies import make_links, sweep


def left(amount: float, unit: str = "trials") -> RemainingBudget:
    return RemainingBudget(Budget(amount, unit), 4.0, lambda macs: TrialTime(macs / 10, 0.0))  # type: ignore[arg-type]


def shared() -> NestedTrunk:
    return NestedTrunk(make_links("shared"))


def first(of: RemainingBudget) -> Proposal:
    proposal = shared().propose(0, [], [], of)
    assert proposal is not None
    return proposal


def job_of(proposal: Proposal, number: int) -> Job:
    return Job(
        number=number,
        origin=proposal.origin,
        ratios=proposal.ratios,
        widths=formula.widths_of(proposal.ratios),
        seed=number,
        parent=proposal.parent,
        epochs=proposal.epochs,
        nested=tuple(formula.widths_of(ratios) for ratios in proposal.nested),
    )


def test_the_trunk_is_the_chains_first_link_with_smaller_ones_of_all_sizes() -> None:
    trunk = first(left(12))
    link = make_links("shared").propose(0, [], [], left(12))
    assert link == replace(trunk, nested=(), epochs=4.0)
    smallest, *others = trunk.nested
    assert smallest == {name: rising[-1] for name, rising in SIZES.choices.items()}
    assert 8 <= len(others) < 16
    for ratios in trunk.nested:
        assert all(ratios[name] >= trunk.ratios[name] for name in trunk.ratios)
    by_size = sorted(SIZES.size_of(ratios) for ratios in (trunk.ratios, *trunk.nested))
    assert max(larger / smaller for smaller, larger in pairwise(by_size)) < 1.7
    assert len({tuple(ratios.items()) for ratios in trunk.nested}) == len(trunk.nested)


def test_the_trunk_gets_three_tenths_and_the_links_after_it_the_rest() -> None:
    assert first(left(100, "epochs")).epochs == pytest.approx(30)
    assert first(left(20)).epochs == pytest.approx(0.3 * 20 * 4)
    assert first(left(2)).epochs == 4.0
    trunk = first(left(100, "seconds"))
    sizes = [SIZES.macs_of(ratios) for ratios in (trunk.ratios, *trunk.nested)]
    per_pass = (sizes[0] + sum(sizes[1:]) / len(sizes[1:])) / 2 / 10
    assert trunk.seconds == pytest.approx(30)
    assert trunk.epochs == pytest.approx(2 * 30 / per_pass)  # it ends by the clock
    results = [formula.evaluate(job_of(trunk, 0))]
    link = shared().propose(1, results, [], left(70, "epochs"))
    assert link is not None
    assert (link.parent, link.nested, link.origin) == (0, (), "shared")
    assert link.epochs is not None and 4 < link.epochs < 10


def test_nothing_is_nested_in_the_smallest() -> None:
    assert first(left(1)).nested == ()
    assert SIZES.size_of(first(left(1)).ratios) == SIZES.least


def test_after_a_trunk_that_failed_the_chain_starts_from_the_dense_model() -> None:
    trunk = job_of(first(left(12)), 0)
    failed = replace(formula.evaluate(trunk), state="failed", curve=(), epochs=0.0)
    link = shared().propose(1, [failed], [], left(11))
    assert link is not None
    assert (link.parent, link.nested) == (None, ())


def test_a_trunk_and_a_baseline_of_its_widths_are_no_repetitions_of_each_other() -> None:
    trunk = job_of(first(left(12)), 1)
    baseline = replace(trunk, number=0, origin="uniform", nested=())
    for one, other in ((trunk, baseline), (baseline, trunk)):
        results = SweepResults(formula.search_settings().objectives)
        results.add(formula.evaluate(one))
        assert results.twin_of(other) is None
        assert results.twin_of(one) is not None
        assert not is_twin(one, other)


def test_killed_while_the_trunk_is_trained_it_continues_as_if_it_had_not_been(
    tmp_path: Path,
) -> None:
    whole = sweep("shared", tmp_path / "a")
    [trunk] = [result for result in whole if result.nested]
    with pytest.raises(KeyboardInterrupt):
        sweep("shared", tmp_path / "b", stop=trunk.number)
    assert sweep("shared", tmp_path / "b") == whole


def test_a_damaged_trunk_is_trained_again_with_what_was_nested(tmp_path: Path) -> None:
    whole = sweep("shared", tmp_path)
    [trunk] = [result for result in whole if result.nested]
    for result in whole[trunk.number :]:
        (tmp_path / "trials" / f"{result.number:04d}" / "result.json").unlink()
    assert sweep("shared", tmp_path) == whole
