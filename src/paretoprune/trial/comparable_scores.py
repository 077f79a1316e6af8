"""Scores that may be ranked across groups."""

from __future__ import annotations

from paretoprune.pruning.scorers.data_free.lamp import lamp
from paretoprune.pruning.scorers.parts.normalise import normalise
from paretoprune.trial.context import TrialContext


def comparable_scores(context: TrialContext) -> dict[str, list[float]]:
    """Scores of all channels or units that may be ranked across groups.

    Scores of single weights are unchanged; scores of channels are divided by the mean of their
    group, since layers differ in size. `lamp` compares the share of what is left (Lee et al. 2021).
    """
    settings, start = context.settings, context.start
    scores = start.candidate.unit_scores(context.gates or start.scores)
    if settings.sparsity.allocation == "lamp":
        scores = {name: lamp(values.double().square()) for name, values in scores.items()}
    elif settings.is_structured:
        scores = normalise(scores)
    return {name: values.tolist() for name, values in scores.items()}
