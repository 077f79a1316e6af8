"""The forms of a network with searched ranks: dense, factored, and delivered.

Plans apply to the factored form, in which ranks are channels of low-rank pairs. For measurement and
delivery, pairs that save nothing are merged into one layer. Without searched ranks all forms are
the same.
"""

from __future__ import annotations

from pathlib import Path

from torch import nn

from paretoprune.low_rank.merge import merged
from paretoprune.low_rank.pair import with_pairs
from paretoprune.pruning.groups import Groups
from paretoprune.pruning.structured.apply import apply_plan
from paretoprune.pruning.structured.checkpoint import load_state, rebuild
from paretoprune.pruning.structured.plan import Plan


def delivered_architecture(dense: nn.Module, groups: Groups, plan: Plan) -> nn.Module:
    """Return the delivered architecture of a plan; the weights of pairs are meaningless.

    Raises PruningError if the plan does not match the model.
    """
    form = with_pairs(dense, groups.factored)
    return merged(apply_plan(form, groups.prunable, plan))


def load_delivered(dense: nn.Module, groups: Groups, plan: Plan, weights: Path) -> nn.Module:
    """Load a delivered model, given its untrained dense architecture.

    Raises PruningError or WeightsError if the files do not match.
    """
    model = delivered_architecture(dense, groups, plan)
    load_state(model, weights)
    return model


def rebuild_trial(dense: nn.Module, groups: Groups, plan: Plan, weights: Path) -> nn.Module:
    """Load a trial's model, stored with all its pairs, in the delivered form.

    Raises PruningError or WeightsError if the files do not match.
    """
    return merged(rebuild(with_pairs(dense, groups.factored), groups.prunable, plan, weights))
