"""The phases before and after a chain, and their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from paretoprune.results import Budget, Job, Proposal, TrialResult
from paretoprune.results.jobs import UNTRAINED
from paretoprune.search.budget.budget import RemainingBudget
from paretoprune.search.budget.trial_time import TrialTime
from paretoprune.search.front.gaps import gaps_of
from paretoprune.search.phases.gap_filling import GapFilling
from paretoprune.search.phases.links import Links
from paretoprune.search.phases.sequence import StrategySequence
from paretoprune.search.phases.untrained_front import UntrainedFront, smallest_good_size
from paretoprune.search.strategies.interface import Strategy
from paretoprune.sweep.results import SweepResults
from paretoprune.testing import formula
from paretoprune.testing.formula_sweep import SIZES, search_context
from tests.search.front.test_gaps import DENSE, trial

FIRST = replace(trial(0, 0.0, 100.0, origin="dense"), curve=())


FRONT = UntrainedFront(search_context(), num_sizes=4)
LATE = replace(FRONT, context=replace(FRONT.context, least_epochs=1e9))
REFILL = GapFilling(search_context(), min_gain=0.001)


def left(amount: float, unit: str = "trials") -> RemainingBudget:
    return RemainingBudget(Budget(amount, unit), 4.0, lambda macs: TrialTime(1.0, 0.5))  # type: ignore[arg-type]


def run(
    strategy: Strategy, results: Sequence[TrialResult], budget: RemainingBudget, *, most: int = 50
) -> list[tuple[Proposal, TrialResult]]:
    """Proposals of a strategy and what came of them, until there is none."""
    found: list[tuple[Proposal, TrialResult]] = []
    known = list(results)
    while len(found) < most and (p := strategy.propose(len(known), known, [], budget)):
        widths = formula.widths_of(p.ratios)
        job = Job(len(known), p.origin, p.ratios, widths, 0, p.parent, p.epochs, p.rung)
        found.append((p, formula.evaluate(job)))
        known.append(found[-1][1])
    return found


def test_an_untrained_candidate_is_cut_out_of_the_dense_model() -> None:
    found = run(LATE, [FIRST], left(100, "epochs"))
    assert len(found) == 7
    assert all((p.parent, p.epochs, r.curve) == (None, 0.0, ()) for p, r in found)
    sizes = [SIZES.size_of(p.ratios) for p, _ in found]
    assert len(set(sizes)) == 7
    assert sizes[0] ** 2 == pytest.approx(SIZES.dense * SIZES.least, rel=0.15)


def test_before_a_chain_one_untrained_candidate_is_enough_if_it_is_not_good() -> None:
    sizes = [SIZES.size_of(p.ratios) for p, _ in run(FRONT, [FIRST], left(100, "epochs"))]
    assert sizes == [pytest.approx(SIZES.between(1 / 8), rel=0.1)]


def with_trivial(value: float | None) -> UntrainedFront:
    """The phase where the trivial predictor has this accuracy."""
    quality = replace(FRONT.context.quality, trivial=value)
    return replace(FRONT, context=replace(FRONT.context, quality=quality))


@pytest.mark.parametrize("trivial", [0.0, -1500.0])
def test_untrained_candidates_shrink_while_they_retain_the_quality(trivial: float) -> None:
    """In steps of half a link, until one has lost a fiftieth; the chain begins above that."""
    front = with_trivial(trivial)
    found = [result for _, result in run(front, [FIRST], left(100, "epochs"))]
    kept = [(result.metrics.quality["accuracy"] - trivial) / (100 - trivial) for result in found]
    assert all(value >= 0.98 for value in kept[:-1]) and kept[-1] < 0.98
    wanted = [SIZES.between(step / 8) for step in range(1, len(found) + 1)]
    sizes = [SIZES.size_of(result.ratios) for result in found]
    assert all(0.9 * size <= own <= size for own, size in zip(sizes, wanted, strict=True))
    above = sizes[-2] if len(found) > 1 else SIZES.dense
    assert smallest_good_size([FIRST, *found], front.context) == above
    if trivial < 0:
        assert len(found) > 2
        links = Links(front.context, "auto", 4)
        link = links.propose(9, [FIRST, *found], [], left(100, "epochs"))
        assert link is not None
        first = above * (SIZES.least / above) ** (1 / 4)
        assert SIZES.size_of(link.ratios) == pytest.approx(first, rel=0.2)


def test_good_untrained_candidates_may_take_more_of_the_time() -> None:
    """0.15 of it: they stand for trained models."""
    for trivial, most in ((0.0, 1), (-900.0, 3)):
        assert len(run(with_trivial(trivial), [FIRST], left(2.0, "seconds"))) == most


def test_untrained_candidates_take_a_twenty_fifth_of_the_time() -> None:
    """In the formula each takes half a second, and the dense model 8.5 in all."""
    for seconds, most in ((0.5, 1), (30.0, 3), (1000.0, 7)):
        assert len(run(LATE, [FIRST], left(seconds, "seconds"))) == most


def test_an_untrained_candidate_has_no_twins() -> None:
    job = Job(3, "auto", DENSE, formula.widths_of(DENSE), 0)
    for origin, twins in ((UNTRAINED, False), ("auto", True)):
        record = SweepResults({"accuracy": "maximize", "macs": "minimize"})
        record.add(replace(formula.evaluate(replace(job, number=2)), origin=origin))
        assert (record.twin_of(job) is not None) == twins


def test_a_refill_is_cut_out_of_the_next_larger_trained_model() -> None:
    links = [trial(1, 0.25, 80), trial(2, 0.75, 50)]
    untrained = replace(trial(3, 0.5, 60, origin=UNTRAINED), curve=(), epochs=0.0)
    known = [FIRST, *links, untrained]
    found = run(REFILL, known, left(6), most=6)
    for proposal, result in found:
        size = SIZES.size_of(proposal.ratios)
        trained = [known[number] for number in REFILL.needed(known)]
        larger = [r for r in trained if SIZES.size_of(r.ratios) > size]
        nearest = min(larger, key=lambda r: SIZES.size_of(r.ratios), default=None)
        assert proposal.parent == (nearest.number if nearest else None)
        for name, ratio in (nearest.ratios if nearest else DENSE).items():
            assert proposal.ratios[name] >= ratio
        known.append(result)
    assert {p.parent for p, _ in found} >= {None, 1}


def test_a_refill_ends_where_there_is_little_to_gain() -> None:
    known = [FIRST, trial(1, 0.5, 80), trial(2, 0.8, 60)]
    counts = [
        len(run(replace(REFILL, min_gain=gain), known, left(30))) for gain in (0.5, 0.05, 0.001)
    ]
    assert counts[0] == 0 < counts[1] < counts[2] < 50


def test_a_refill_shares_what_is_left() -> None:
    known = [FIRST, trial(1, 0.5, 80), trial(2, 0.8, 60)]
    first = REFILL.propose(3, known, [], left(8, "seconds"))
    assert first is not None and first.seconds == pytest.approx(8 / 4 - 0.5)
    least = replace(REFILL, context=replace(REFILL.context, least_epochs=1.0))
    fewer = least.propose(3, known, [], left(4, "seconds"))
    assert fewer is not None and fewer.seconds == pytest.approx(4 / 2 - 0.5)  # two instead of four
    assert least.propose(3, known, [], left(1, "seconds")) is None  # half an epoch would do harm
    assert "too little to train" in least.ending(known, left(1, "seconds"))
    whole = REFILL.propose(3, known, [], left(3))
    assert whole is not None and whole.epochs == 4.0


def test_a_part_waits_for_what_it_runs() -> None:
    turns = StrategySequence((FRONT, REFILL))
    proposal = turns.propose(1, [FIRST], [], left(100, "epochs"))
    assert proposal is not None and proposal.origin == UNTRAINED
    widths = formula.widths_of(proposal.ratios)
    job = Job(1, UNTRAINED, proposal.ratios, widths, 0, epochs=0.0)
    assert turns.propose(2, [FIRST], [job], left(100, "epochs")) is None
    done = [FIRST, *(r for _, r in run(FRONT, [FIRST], left(100, "epochs")))]
    after = turns.propose(len(done), done, [], left(100, "epochs"))
    assert after is not None and after.origin == "refill"


def test_where_ranks_can_go_the_proxy_chooses_the_allocation_of_a_refill() -> None:
    """Of two; without ranks it is not asked."""
    asked: list[int | None] = []

    def proxy(parent: int | None, ratios: Mapping[str, float]) -> float:
        asked.append(parent)
        return ratios["g0"] + ratios["g1"]  # spare the channels

    ranked = replace(SIZES, ranks=("g2", "g3"))
    known = [FIRST, trial(1, 0.3, 90.0), trial(2, 0.6, 20.0)]
    asking = replace(REFILL.context, proxy=proxy)
    [(plain, _)] = run(replace(REFILL, context=asking), known, left(100, "epochs"), most=1)
    assert not asked and plain.ratios["g0"] > 0
    with_ranks = replace(REFILL, context=replace(asking, sizes=ranked))
    [(proposal, _)] = run(with_ranks, known, left(100, "epochs"), most=1)
    assert asked == [1, 1]
    assert proxy(1, proposal.ratios) < proxy(1, plain.ratios)


@pytest.mark.parametrize("state", ["duplicate", "infeasible", "failed"])
def test_a_refill_is_not_proposed_again_whatever_came_of_it(state: str) -> None:
    """A model off the front that lies in the middle of a gap made every refill its duplicate."""
    known = [FIRST, trial(1, 0.5, 80), trial(2, 0.8, 60)]
    proposed = []
    for number in range(3, 9):
        proposal = REFILL.propose(number, known, [], left(8))
        assert proposal is not None and proposal.ratios not in proposed
        proposed.append(proposal.ratios)
        job = Job(number, "refill", proposal.ratios, formula.widths_of(proposal.ratios), 0)
        known.append(replace(formula.evaluate(job), state=state, curve=(), seconds={}))  # type: ignore[arg-type]


def test_duplicates_are_no_refills() -> None:
    """At most four are trained where the budget is no number of trials."""
    known = [FIRST, trial(1, 0.5, 80), trial(2, 0.8, 60)]
    counts = {"duplicate": 0, "complete": 0}
    for number in range(3, 20):
        proposal = REFILL.propose(number, known, [], left(100, "epochs"))
        if proposal is None:
            break
        job = Job(number, "refill", proposal.ratios, formula.widths_of(proposal.ratios), 0)
        result = formula.evaluate(job)
        if number % 2:
            result = replace(result, state="duplicate", duplicate_of=1, curve=(), seconds={})
        counts[result.state] += 1
        known.append(result)
    assert counts["complete"] == 4 <= counts["duplicate"]


def test_several_workers_fill_different_gaps() -> None:
    known, running = [FIRST, trial(1, 0.5, 80), trial(2, 0.8, 60)], list[Job]()
    budget = replace(left(100, "epochs"), workers=3)
    for number in range(3, 6):
        proposal = REFILL.propose(number, known, running, budget)
        assert proposal is not None
        widths = formula.widths_of(proposal.ratios)
        running.append(Job(number, "refill", proposal.ratios, widths, 0, proposal.parent))
    assert len({tuple(job.widths.values()) for job in running}) == 3
    assert REFILL.propose(6, known, running, budget) is None  # no worker is free


def test_a_chain_begins_below_the_good_quantized_models_of_the_dense_model() -> None:
    """Fewer bits are the cheaper way down to there."""
    sizes = {89.0: SIZES.dense / 2, 91.0: SIZES.dense / 1.5, 99.0: 2 * SIZES.dense}
    context = search_context()
    joint = replace(
        context.quality,
        trivial=0.0,
        quantized=lambda r: (
            [(size, value) for value, size in sizes.items()] if not r.number else []
        ),
    )
    context = replace(context, quality=joint)
    assert smallest_good_size([FIRST], context) == SIZES.dense / 1.5
    links = Links(context, "auto", 4)
    found = links.propose(1, [FIRST], [], left(100, "epochs"))
    assert found is not None
    assert SIZES.size_of(found.ratios) < SIZES.dense / 1.5
    larger = replace(joint, quantized=lambda r: [(2 * SIZES.dense, 99.0)])
    assert smallest_good_size([FIRST], replace(context, quality=larger)) == SIZES.dense


def test_a_gap_that_is_not_worth_it_leaves_others_that_are_being_divided() -> None:
    """Gaps that a running trial divides come last, whatever their gain."""
    known = [FIRST, trial(1, 0.125, 99.9)]
    budget = replace(left(100, "epochs"), workers=2)
    first = REFILL.propose(3, known, [], budget)
    assert first is not None
    job = Job(3, "refill", first.ratios, formula.widths_of(first.ratios), 0, first.parent)
    gaps = gaps_of(known, SIZES, REFILL.context.quality, tried="refill", running=[job])
    usual, *divided = [gap.gain for gap in gaps]
    assert len(divided) == 2 and usual < min(divided)
    strict = replace(REFILL, min_gain=(usual + min(divided)) / 2)
    assert strict.propose(4, known, [job], budget) is not None


@pytest.mark.parametrize(("factor", "is_trained"), [(0.999, True), (1.001, False), (1.9, False)])
def test_a_budget_is_enough_for_training_if_the_dense_model_gets_the_least_epochs(
    factor: float, is_trained: bool
) -> None:
    """Otherwise the untrained models are all there is, and there are more of them."""
    budget = left(3.0, "seconds")
    whole = budget.epochs(1.0, macs=SIZES.macs_of(SIZES.start_of(None)))
    front = replace(FRONT, context=replace(FRONT.context, least_epochs=factor * whole))
    assert front._trains(budget) == is_trained
