"""Scores that may be ranked across groups."""

from __future__ import annotations

from paretoprune.pruning.scorers.parts.normalise import normalise
from paretoprune.trial.context import TrialContext


def comparable_scores(context: TrialContext) -> dict[str, list[float]]:
    """Scores of all channels or units that may be ranked across groups.

    Scores of single weights are unchanged; scores of channels are divided by the mean of their
    group, since layers differ in size.
    """
    start = context.start
    scores = start.candidate.unit_scores(context.gates or start.scores)
    if context.settings.is_structured:
        scores = normalise(scores)
    return {name: values.tolist() for name, values in scores.items()}
