"""The delivered form of a plan: channels removed, then layers replaced by low-rank pairs."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from paretoprune.low_rank.pair import saving_ranks, with_pairs
from paretoprune.pruning.groups import Groups
from paretoprune.pruning.structured.apply import apply_plan
from paretoprune.pruning.structured.checkpoint import load_state
from paretoprune.pruning.structured.plan import Plan
from paretoprune.pruning.structured.ranks import ranks_of


def delivered_architecture(dense: nn.Module, groups: Groups, plan: Plan) -> nn.Module:
    """Return the delivered architecture of a plan; the weights of pairs are meaningless.

    Raises PruningError if the plan does not match the model.
    """
    pruned = apply_plan(dense, groups.prunable, plan)
    ranks = ranks_of(groups.prunable, groups.factored, plan)
    return with_pairs(pruned, saving_ranks(pruned, ranks))


def load_delivered(dense: nn.Module, groups: Groups, plan: Plan, weights: Path) -> nn.Module:
    """Load a delivered model, given its untrained dense architecture.

    Raises PruningError or WeightsError if the files do not match.
    """
    model = delivered_architecture(dense, groups, plan)
    load_state(model, weights)
    return model
