"""Pruning in stages with training between them: one shot, iterative, lottery tickets, at init."""

from __future__ import annotations

from paretoprune.config.groups.schedule import ScheduleSettings
from paretoprune.config.settings import Settings
from paretoprune.finetune.pruning_steps import stages, widths_between
from paretoprune.results import EpochRecord, Job
from paretoprune.trial.context import TrialContext
from paretoprune.trial.dense_model import early_model
from paretoprune.trial.schedules.grow_penalty import train_with_growing_penalty
from paretoprune.trial.schedules.steps import (
    Start,
    Trained,
    epochs_of,
    gates_of,
    prune,
    rescore,
    train,
)


def in_stages(context: TrialContext, job: Job, start: Start) -> Trained:
    """Prune a share of the plan, fine-tune, score what is left, prune the next share ..."""
    settings = context.problem.settings
    schedule = settings.schedule
    candidate, scores = start.candidate, start.scores
    before = candidate.widths()
    curve: tuple[EpochRecord, ...] = ()
    gains: dict[str, float] = {}
    compensating_s = 0.0
    gates, epochs = None, epochs_of(context, job)
    for number, stage in enumerate(stages(schedule, epochs)):
        if number > 0:
            scores = rescore(context, candidate, job)
        widths = widths_between(before, job.widths, stage.share, spacing=schedule.spacing)
        candidate, grown = train_with_growing_penalty(context, candidate, scores, widths, job)
        curve += grown
        candidate, gains = prune(context, candidate, scores, widths, trained_next=stage.epochs > 0)
        compensating_s += gains.get("seconds", 0.0)
        gates = gates_of(context, candidate, job) if stage.epochs else None
        first = len(curve) + 1
        curve += train(context, candidate, job, epochs=stage.epochs, first_epoch=first, gates=gates)
    if gains:
        gains["seconds"] = compensating_s
    left = gates.scores() if gates else {}
    return Trained(candidate, curve, epochs + _grown_for(settings), gains, left)


def lottery(context: TrialContext, job: Job, start: Start) -> Trained:
    """Prune a share, go back, train as the dense model was trained, and again.

    `rewind=weights`: what is left goes back to the weights that it had at `rewind_epoch` of the
    dense model's training. Frankle and Carbin 2019 (The Lottery Ticket Hypothesis, section 2);
    later than 0: Frankle et al. 2020 (Linear Mode Connectivity and the Lottery Ticket Hypothesis).
    `rewind=learning_rate`: the weights stay, the learning rate begins anew; Renda et al. 2020
    (Comparing Rewinding and Fine-tuning in Neural Network Pruning, section 3).
    """
    settings = context.problem.settings
    schedule, training = settings.schedule, settings.model.train
    early = early_model(context.problem, schedule.rewind_epoch) if _rewinds(schedule) else None
    candidate, scores = start.candidate, start.scores
    before = candidate.widths()
    each = _epochs_anew(job, training.epochs - schedule.rewind_epoch, rounds=schedule.steps)
    curve: tuple[EpochRecord, ...] = ()
    for number, stage in enumerate(stages(schedule, training.epochs)):
        if number > 0:
            scores = rescore(context, candidate, job)
        widths = widths_between(before, job.widths, stage.share, spacing=schedule.spacing)
        candidate, _ = prune(context, candidate, scores, widths, trained_next=True)
        if early is not None:
            candidate = candidate.of(early)
        curve += train(
            context,
            candidate,
            job,
            epochs=each,
            first_epoch=len(curve) + 1,
            settings=training,
        )
    return Trained(candidate, curve, each * schedule.steps)


def at_init(context: TrialContext, job: Job, start: Start) -> Trained:
    """Prune the untrained model in `steps`, scored anew in each, then train it.

    One step is Lee et al. 2019 (SNIP) and Wang et al. 2020 (GraSP); many are Tanaka et al. 2020
    (SynFlow, algorithm 1).
    """
    settings = context.problem.settings
    schedule, training = settings.schedule, settings.model.train
    candidate, scores = start.candidate, start.scores
    before = candidate.widths()
    for step in range(1, schedule.steps + 1):
        if step > 1:
            scores = rescore(context, candidate, job)
        widths = widths_between(before, job.widths, step / schedule.steps, spacing=schedule.spacing)
        if widths != candidate.widths():
            candidate, _ = prune(context, candidate, scores, widths, trained_next=True)
    epochs = _epochs_anew(job, training.epochs, rounds=1)
    curve = train(context, candidate, job, epochs=epochs, settings=training)
    return Trained(candidate, curve, epochs)


def _epochs_anew(job: Job, whole: int, *, rounds: int) -> float:
    """Epochs of each round: a whole training of the dense model, or its part of the job's."""
    return whole if job.epochs is None else job.epochs / rounds


def _grown_for(settings: Settings) -> int:
    """Epochs under a growing penalty, once for each stage."""
    phase, schedule = settings.sparse_training, settings.schedule
    return phase.epochs * schedule.steps if phase.name == "growing" else 0


def _rewinds(schedule: ScheduleSettings) -> bool:
    return schedule.rewind == "weights"
