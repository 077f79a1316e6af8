"""Smaller networks nested in the weights of a candidate, trained together with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from paretoprune.finetune.nested import Slice
from paretoprune.pruning.candidate import Candidate, PrunedCandidate
from paretoprune.pruning.structured.apply import apply_plan, kept_positions
from paretoprune.pruning.structured.coordinates import remaining
from paretoprune.pruning.structured.plan import make_plan
from paretoprune.trial.context import TrialContext


def slices_of(
    context: TrialContext, candidate: Candidate, widths: Sequence[Mapping[str, int]]
) -> list[Slice]:
    """Return networks of these widths whose weights are slices of the candidate's.

    None may be wider than the candidate. Channels are removed in the order of the dense model's
    scores, so that each network is part of every wider one, and pruning the candidate by these
    scores later gives the same channels.
    """
    if not widths:
        return []
    assert isinstance(candidate, PrunedCandidate)
    model, groups = candidate.model, candidate.groups
    scores = dense_scores(context, candidate)
    plans = [make_plan(groups, scores, one) for one in widths]
    return [
        Slice(apply_plan(model, groups, plan), kept_positions(model, groups, plan))
        for plan in plans
    ]


def dense_scores(context: TrialContext, candidate: PrunedCandidate) -> dict[str, Tensor]:
    """Return the dense model's scores of the remaining channels."""
    kept, dense = remaining(candidate.dense_groups, candidate.plan), context.start.scores
    return {name: scores[list(kept[name])] for name, scores in dense.items()}
