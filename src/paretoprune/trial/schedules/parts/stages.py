"""Pruning in stages with fine-tuning after each."""

from __future__ import annotations

from paretoprune.finetune.pruning_steps import Spacing, stages, widths_between
from paretoprune.results import EpochRecord, Job
from paretoprune.trial.context import TrialContext
from paretoprune.trial.schedules.interface import Start, Trained
from paretoprune.trial.schedules.parts.grow_penalty import (
    train_before_pruning,
    training_before_pruning,
)
from paretoprune.trial.schedules.parts.steps import epochs_of, gates_of, prune, rescore, train


def in_stages(
    context: TrialContext, job: Job, start: Start, *, steps: int, spacing: Spacing = "linear"
) -> Trained:
    """Prune a share of the plan, fine-tune, compute new scores, prune the next share, and so on.

    With `sparse_training=growing`, each share is first trained towards zero; a schedule that calls
    this function has the trait `trains_before_pruning`.
    """
    candidate, scores = start.candidate, start.scores
    before = candidate.widths()
    curve: tuple[EpochRecord, ...] = ()
    gains: dict[str, float] = {}
    compensating_s = 0.0
    gates, epochs = None, epochs_of(context, job)
    for number, stage in enumerate(stages(steps, epochs)):
        if number > 0:
            scores = rescore(context, candidate, job)
        widths = widths_between(before, job.widths, stage.share, spacing=spacing)
        candidate, grown = train_before_pruning(context, candidate, scores, widths, job)
        curve += grown
        candidate, gains = prune(context, candidate, scores, widths, trained_next=stage.epochs > 0)
        compensating_s += gains.get("seconds", 0.0)
        gates = gates_of(context, candidate, job) if stage.epochs else None
        first = len(curve) + 1
        curve += train(context, candidate, job, epochs=stage.epochs, first_epoch=first, gates=gates)
    if gains:
        gains["seconds"] = compensating_s
    left = gates.scores() if gates else {}
    return Trained(candidate, curve, epochs + _growing_epochs(context, steps), gains, left)


def epochs_from_scratch(job: Job, whole: float, *, rounds: int) -> float:
    """Return the epochs of each round: `whole`, or an equal part of the job's own epochs."""
    return whole if job.epochs is None else job.epochs / rounds


def _growing_epochs(context: TrialContext, steps: int) -> int:
    """Return the epochs of sparse training in the trial, of all steps."""
    phase = training_before_pruning(context)
    return phase.epochs * steps if phase else 0
