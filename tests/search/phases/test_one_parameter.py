"""A family of candidates with one parameter, over the formula."""

from __future__ import annotations

from paretoprune.results import Budget
from paretoprune.search.budget.budget import RemainingBudget
from paretoprune.search.budget.pace import Pace
from paretoprune.search.phases.one_parameter import OneParameter
from paretoprune.testing.formula_sweep import search_context


def test_the_members_fall_in_size_and_each_starts_from_the_dense_model() -> None:
    context = search_context()
    family = OneParameter(context, "uniform", context.uniform_of_size, num_sizes=4)
    left = RemainingBudget(Budget(8, "trials"), 4.0, lambda _macs: Pace(1.0, 0.0))
    proposals = [family.propose(number, [], [], left) for number in range(3)]
    found = [proposal for proposal in proposals if proposal]
    sizes = [context.sizes.size_of(proposal.ratios) for proposal in found]
    assert len(found) == 3 and sizes == sorted(sizes, reverse=True) and len({*sizes}) == 3
    assert all(proposal.parent is None and proposal.origin == "uniform" for proposal in found)
