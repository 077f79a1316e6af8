"""Chains with several workers: which sizes run at once, from which parents, for how long."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from paretoprune.results import Budget, Job, Proposal, TrialResult
from paretoprune.search.budget.budget import RemainingBudget
from paretoprune.search.budget.trial_time import TrialTime
from paretoprune.search.phases.nested_trunk import NestedTrunk
from paretoprune.search.phases.parallel_links import most_at_once, num_sizes_of, sizes_between
from paretoprune.testing import formula
from paretoprune.testing.formula_sweep import SIZES
from tests.kits.strategies import make_links, sweep


def left(amount: float, unit: str = "trials", workers: int = 3) -> RemainingBudget:
    budget = Budget(amount, unit)  # type: ignore[arg-type]
    return RemainingBudget(budget, 4.0, lambda macs: TrialTime(1.0, 0.0), workers=workers)


def job_of(number: int, proposal: Proposal | None) -> Job:
    assert proposal is not None
    widths = formula.widths_of(proposal.ratios)
    return Job(number, proposal.origin, proposal.ratios, widths, 0, parent=proposal.parent)


def test_free_workers_take_the_next_smaller_sizes_at_once() -> None:
    links, running = make_links("auto"), list[Job]()
    for number in range(3):
        running.append(job_of(number, links.propose(number, [], running, left(12 - number))))
    assert links.propose(3, [], running, left(9)) is None  # no worker is free
    sizes = [SIZES.size_of(job.ratios) for job in running]
    assert sizes == sorted(set(sizes), reverse=True)
    assert [job.parent for job in running] == [None] * 3


def test_a_link_starts_from_the_smallest_that_is_finished() -> None:
    links, running = make_links("auto"), list[Job]()
    for number in range(3):
        running.append(job_of(number, links.propose(number, [], running, left(12 - number))))
    done = [formula.evaluate(running.pop(1))]
    fourth = job_of(3, links.propose(3, done, running, left(9)))
    assert fourth.parent == 1
    assert SIZES.size_of(fourth.ratios) < min(SIZES.size_of(job.ratios) for job in running)
    assert all(fourth.ratios[name] >= ratio for name, ratio in done[0].ratios.items())


def test_later_parts_begin_once_all_links_are_under_way() -> None:
    links = make_links("auto")
    smallest = {name: rising[-1] for name, rising in SIZES.choices.items()}
    for ratios, workers, waits in ((smallest, 3, False), (smallest, 1, True)):
        running = [Job(0, "auto", ratios, formula.widths_of(ratios), 0)]
        assert links.waits([], running, left(9, workers=workers)) is waits
    first = [job_of(0, links.propose(0, [], [], left(9)))]
    assert links.waits([], first, left(8))
    assert not links.waits([], [], left(8))


def test_all_wait_for_the_trunk_of_shared_weights() -> None:
    trunk = NestedTrunk(make_links("shared"))
    first = job_of(0, trunk.propose(0, [], [], left(12)))
    assert trunk.propose(1, [], [first], left(11)) is None
    later = trunk.propose(1, [formula.evaluate(first)], [], left(11))
    assert later is not None and later.parent == 0 and not later.nested


@pytest.mark.parametrize("workers", [2, 4])
def test_links_fill_the_time_of_all_workers(workers: int) -> None:
    """Each gets its share of the seconds of all, less what running ones still take."""
    whole = left(100, "seconds", workers=workers)
    assert whole.training(0.1, macs=1).seconds == pytest.approx(10 * workers)
    assert whole.training(0.9, macs=1).seconds == pytest.approx(100)  # it must end in time
    busy = replace(whole, busy_s={7: 40.0})
    assert busy.training(0.1, macs=1).seconds == pytest.approx(10 * workers - 4)
    assert busy.of_workers(1, running=[]).training(0.1, macs=1).seconds == pytest.approx(10)
    assert busy.of_workers(1, running=[7]).training(0.1, macs=1).seconds == pytest.approx(6)


def test_numbers_of_sizes_and_of_links_at_once() -> None:
    assert num_sizes_of(10, 1) == 10
    assert num_sizes_of(10, 8) > 16
    assert [most_at_once(count, 4) for count in (1, 3, 5, 10, 40)] == [1, 2, 2, 4, 4]
    assert most_at_once(40, 1) == 1


def test_sizes_between_uniform_ones_are_used_where_there_are_few() -> None:
    assert sizes_between([50, 40, 30, 20], [45, 40, 22, 20]) == set()
    assert sizes_between([50, 40, 30, 20], [45, 25, 25, 10]) == {30}


@pytest.mark.parametrize("workers", [2, 4])
def test_killed_with_several_running_links_it_trains_nothing_twice(
    workers: int, tmp_path: Path
) -> None:
    budget = Budget(14, "trials")
    with pytest.raises(KeyboardInterrupt):
        sweep("auto", tmp_path, budget=budget, workers=workers, stop=9)
    results = sweep("auto", tmp_path, budget=budget, workers=workers)
    trained = [tuple(r.widths.values()) for r in results if r.state == "complete"]
    assert len(set(trained)) == len(trained) >= 14
    _assert_parents_are_larger(results)


def _assert_parents_are_larger(results: list[TrialResult]) -> None:
    by_number = {result.number: result for result in results}
    for result in results:
        if result.parent is not None:
            assert (by_number[result.parent].metrics.macs or 0) > (result.metrics.macs or 0)
