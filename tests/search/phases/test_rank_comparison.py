"""The comparison of ranks with channels alone, in the formula: its last two groups are ranks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import pytest

from paretoprune.results import Job, Proposal, TrialResult
from paretoprune.results.jobs import UNTRAINED
from paretoprune.search.context import SearchContext
from paretoprune.search.phases.links import Links
from paretoprune.search.phases.rank_comparison import RankComparison, with_ranks_if_better
from paretoprune.search.phases.sequence import StrategySequence
from paretoprune.search.phases.untrained_front import UntrainedFront
from paretoprune.search.strategies.auto import auto
from paretoprune.testing import formula
from paretoprune.testing.formula_sweep import SIZES, search_context
from tests.search.strategies.test_untrained_front_and_gap_filling import FIRST, left

RANKS = ("g2", "g3")
PLAIN = search_context(has_untrained_front=True)
CONTEXT = replace(
    PLAIN,
    sizes=replace(SIZES, ranks=RANKS),
    quality=replace(PLAIN.quality, trivial=0.0),
    compares_ranks=True,
)
BUDGET = left(100, "epochs")


def chain_over(context: SearchContext) -> StrategySequence:
    return StrategySequence((UntrainedFront(context, 4), Links(context, "auto", 4)))


COMPARISON = RankComparison(CONTEXT, 4, chain_over)


def result_of(proposal: Proposal, number: int, accuracy: float) -> TrialResult:
    widths = formula.widths_of(proposal.ratios)
    job = Job(number, proposal.origin, proposal.ratios, widths, 0, proposal.parent, proposal.epochs)
    result = formula.evaluate(job)
    return replace(result, metrics=replace(result.metrics, quality={"accuracy": accuracy}))


def compared(of_channels: float, with_ranks: float) -> list[TrialResult]:
    """The dense model and both untrained models with these accuracies; 100 is the dense one's."""
    known = [FIRST]
    for accuracy in (of_channels, with_ranks):
        proposal = COMPARISON.propose(len(known), known, [], BUDGET)
        assert proposal is not None
        assert (proposal.origin, proposal.epochs, proposal.parent) == (UNTRAINED, 0.0, None)
        known.append(result_of(proposal, len(known), accuracy))
    return known


def removes_ranks(result: TrialResult | Proposal) -> bool:
    return any(result.ratios[name] > 0 for name in RANKS)


def rest(known: Sequence[TrialResult]) -> list[TrialResult]:
    """Everything that is proposed after the comparison, each model as good as its formula."""
    found = list(known)
    while proposal := COMPARISON.propose(len(found), found, [], BUDGET):
        widths = formula.widths_of(proposal.ratios)
        found.append(result_of(proposal, len(found), formula.accuracy_of(widths)))
        assert len(found) < 30
    return found[len(known) :]


def test_first_is_a_model_of_channels_then_one_of_the_same_size_with_ranks() -> None:
    _, of_channels, with_ranks = compared(90, 90)
    assert not removes_ranks(of_channels) and removes_ranks(with_ranks)
    sizes = [SIZES.size_of(result.ratios) for result in (of_channels, with_ranks)]
    assert sizes == [pytest.approx(CONTEXT.sizes.between(1 / 8), rel=0.1)] * 2


@pytest.mark.parametrize(
    ("of_channels", "with_ranks", "searched"),
    [(80, 90, True), (80, 83.5, True), (80, 82.5, False), (90, 80, False), (90, 90, False)],
)
def test_ranks_are_searched_if_they_retain_three_hundredths_more(
    of_channels: float, with_ranks: float, searched: bool
) -> None:
    later = rest(compared(of_channels, with_ranks))
    assert later
    assert any(map(removes_ranks, later)) == searched


@pytest.mark.parametrize("searched", [True, False])
def test_then_comes_what_a_search_over_the_better_dimensions_proposes(searched: bool) -> None:
    """As without a comparison, but for the number: the worse model is not seen."""
    known = compared(*((90, 99) if searched else (90, 80)))
    context = CONTEXT if searched else CONTEXT.without_ranks()
    seen = [known[0], known[2 if searched else 1]]
    expected = chain_over(context).propose(3, seen, [], BUDGET)
    assert expected is not None
    assert COMPARISON.propose(3, known, [], BUDGET) == expected
    assert COMPARISON.ending(known, BUDGET) == chain_over(context).ending(seen, BUDGET)
    assert COMPARISON.needed(known) == chain_over(context).needed(seen)


def test_a_failed_model_is_the_worse_one() -> None:
    known = compared(50, 50)
    known[1] = replace(known[1], state="failed")
    assert any(map(removes_ranks, rest(known)))
    known = compared(50, 50)
    known[2] = replace(known[2], state="failed")
    assert not any(map(removes_ranks, rest(known)))


def test_channels_that_retain_nearly_everything_need_no_comparison() -> None:
    for accuracy, compares in ((96.9, True), (97.1, False)):
        known = [FIRST]
        first = COMPARISON.propose(1, known, [], BUDGET)
        assert first is not None
        known.append(result_of(first, 1, accuracy))
        second = COMPARISON.propose(2, known, [], BUDGET)
        assert second is not None and removes_ranks(second) == compares


def test_nothing_is_proposed_while_a_model_to_compare_runs() -> None:
    first = COMPARISON.propose(1, [FIRST], [], BUDGET)
    assert first is not None
    job = Job(1, first.origin, first.ratios, formula.widths_of(first.ratios), 0)
    assert COMPARISON.propose(2, [FIRST], [job], replace(BUDGET, workers=2)) is None


def test_without_a_model_of_the_size_within_the_limits_channels_are_searched() -> None:
    """A limit that models with fewer channels alone cannot meet at the size."""

    def fits(ratios: dict[str, float]) -> bool:
        return not any(ratios[name] > 0 for name in RANKS)

    limited = replace(COMPARISON, context=replace(CONTEXT, fits=fits))
    proposal = limited.propose(1, [FIRST], [], BUDGET)
    assert proposal is not None and not removes_ranks(proposal)
    known = [FIRST, result_of(proposal, 1, 99)]
    following = limited.propose(2, known, [], BUDGET)
    assert following is not None and not removes_ranks(following)


def test_only_a_search_that_is_to_decide_compares() -> None:
    strategy = partial(with_ranks_if_better, num_sizes=4, strategy_of=chain_over)
    assert isinstance(strategy(CONTEXT), RankComparison)
    assert isinstance(strategy(replace(CONTEXT, compares_ranks=False)), StrategySequence)
    assert isinstance(auto(CONTEXT), RankComparison)
    assert isinstance(auto(PLAIN), StrategySequence)
