"""The forms of a network whose ranks are searched: dense, with pairs, and what is delivered.

Plans cut the form with pairs, in which ranks are channels. What is measured and delivered has one
layer again wherever two save nothing. Without ranks all three are the same.
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
    """What a plan leaves of a dense model, as it is delivered; the weights of pairs mean nothing.

    Raises PruningError where the plan does not fit.
    """
    form = with_pairs(dense, groups.factored)
    return merged(apply_plan(form, groups.prunable, plan))


def load_delivered(dense: nn.Module, groups: Groups, plan: Plan, weights: Path) -> nn.Module:
    """A delivered model with its weights, from its untrained dense architecture.

    Raises PruningError or WeightsError where the files do not fit.
    """
    model = delivered_architecture(dense, groups, plan)
    load_state(model, weights)
    return model


def rebuild_trial(dense: nn.Module, groups: Groups, plan: Plan, weights: Path) -> nn.Module:
    """What a trial kept, which has all its pairs, as it is delivered.

    Raises PruningError or WeightsError where the files do not fit.
    """
    return merged(rebuild(with_pairs(dense, groups.factored), groups.prunable, plan, weights))
