"""Learning-rate range test for the trials' fine-tuning.

A learning rate that is wrong by a factor of four hides all other effects, and the optima of two
data sets differ by ten (docs/research/search.md). The test (Smith 2017, "Cyclical learning rates
for training neural networks", section 3.3) trains one pruned model of medium size for a few dozen
steps while the rate rises. It runs once per sweep.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

from paretoprune.finetune.range_test import NUM_VAGUE, losses_by_rate
from paretoprune.problem.problem import Problem
from paretoprune.problem.task_data import TaskData
from paretoprune.pruning.candidate import Candidate
from paretoprune.results import Budget, EpochTime
from paretoprune.tasks.inputs import key_of, unkeyed
from paretoprune.tasks.nest import on_device
from paretoprune.trial.context import TrialContext
from paretoprune.trial.schedules.parts.steps import prune, rate_factor

_log = logging.getLogger(__name__)

_RATIO = 0.65  # of every group of channels: about the middle of the sizes, on a log scale
_LOWEST, _HIGHEST = 0.05, 50.0  # rates, as multiples of the configured one
_NUM_STEPS = 56
_LEAST_STEPS = 40  # with fewer, the average loss lags behind the rate
# maximum share of a time budget: the test has fewer steps then, or the configured rate is kept
_SHARE = 0.08
_NUM_TIMED = 5  # steps that are timed
_PEAK = 2.0  # peak rate relative to the rate with the lowest loss
_MOST = 10.0  # maximum relative to the configured rate: small data sets are memorised at any rate


def with_tuned_rate(context: TrialContext, budget: Budget | None = None) -> TrialContext:
    """Return the context with the peak rate found by the range test, and the epoch time.

    Of a time budget its steps take at most 8 %, beside outputs of the teacher that are cached;
    where that is too little for the test, the configured rate is kept. If tuning is off or the task
    brings its own optimizer, only the epoch time is measured, and only for a time budget. Returns
    `context` unchanged if it has an epoch time already.
    """
    settings, task = context.settings, context.data.task
    wanted = (
        settings.finetune.tune_learning_rate
        and not settings.retrains_from_scratch
        and task.training(context.dense.model, num_steps=1, num_epochs=1) is None
    )
    timed = budget is not None and budget.unit == "seconds"
    if context.training.epoch_time is not None or not (wanted or timed):
        return context
    most_seconds = _SHARE * budget.amount if budget and timed else math.inf
    with context.watch.on("range_test"):
        return _timed(context, most_seconds if wanted else 0.0)


def _timed(context: TrialContext, most_seconds: float) -> TrialContext:
    """Return the context with the epoch time, and with the rate if that takes few seconds."""
    problem = context.problem
    widths = problem.costs.widths_of(_of_medium_size(problem))
    candidate, _ = prune(
        context, context.start.candidate, context.start.scores, widths, trained_next=True
    )
    factor = rate_factor(context, widths)
    training = context.training
    rate = training.finetune.learning_rate
    seconds = _seconds_per_step(context, candidate, rate * _LOWEST * factor)
    teacher = _teacher_seconds(context)
    views = _num_views(problem.data) if training.teacher else 0.0
    affordable = most_seconds / (seconds + (teacher if math.isinf(views) else 0.0))
    count = 0 if affordable < _LEAST_STEPS else int(min(affordable, _NUM_STEPS))
    if count:
        rates = rising(rate * _LOWEST, rate * _HIGHEST, count)
        losses = _losses(context, candidate, [each * factor for each in rates])
        rate = peak_of(rates, losses, usual=rate)
    _log.info("the peak learning rate is %.3g", rate)
    num_steps = len(problem.data.train_dataloader())
    tuned = replace(
        training,
        finetune=replace(training.finetune, learning_rate=rate),
        epoch_time=EpochTime(
            problem.costs.cost_at(widths).macs,
            seconds * num_steps,
            teacher_seconds=teacher * num_steps,
            teacher_epochs=views,
            cached_epochs=count / num_steps,
        ),
    )
    return replace(context, training=tuned)


def _of_medium_size(problem: Problem) -> dict[str, float]:
    """Return the ratios of the model that is trained: ranks stay full beside channels."""
    names = [group.name for group in problem.groups.prunable]
    ranks = problem.space.ranks.groups if problem.space.ranks else ()
    full = ranks if len(ranks) < len(names) else ()
    return {name: 0.0 if name in full else _RATIO for name in names}


def rising(lowest: float, highest: float, count: int) -> list[float]:
    """Return `count` rates from `lowest` to `highest` in geometric progression."""
    return [lowest * (highest / lowest) ** (step / (count - 1)) for step in range(count)]


def peak_of(rates: Sequence[float], losses: Sequence[float], *, usual: float) -> float:
    """Return twice the rate of the lowest loss, and at most ten times the `usual` one.

    Returns the usual rate if there are too few losses. The factor is two, since the part of a cycle
    after its peak undoes the effect of a slightly too large rate.
    """
    clear = range(NUM_VAGUE, len(losses))
    if not clear:
        return usual
    return min(_PEAK * rates[min(clear, key=losses.__getitem__)], _MOST * usual)


def _seconds_per_step(context: TrialContext, candidate: Candidate, rate: float) -> float:
    """Time a step without the teacher, whose outputs are cached, and without warm-up."""
    alone = replace(context, training=replace(context.training, teacher=None))
    _losses(alone, candidate, [rate])
    clock = context.watch.clock
    begun = clock()
    _losses(alone, candidate, [rate] * _NUM_TIMED)
    return (clock() - begun) / _NUM_TIMED


def _teacher_seconds(context: TrialContext) -> float:
    """Time the teacher's outputs for a batch, without warm-up; they are cached for the trials."""
    teacher = context.training.teacher
    if teacher is None:
        return 0.0
    clock, device = context.watch.clock, context.data.device
    begun = clock()
    for batch in islice(iter(context.data.train_dataloader()), 2):
        begun = clock()
        with context.watch.on("teacher"):
            moved = on_device(batch, device)
            teacher.outputs(unkeyed(moved), key_of(moved))
    return clock() - begun


def _num_views(data: TaskData) -> float:
    """Return the number of epochs with new inputs; infinite for a loader without sample keys."""
    num_keys = getattr(data.train_dataloader(), "num_keys", 0)
    return num_keys / data.info.num_train if num_keys else math.inf


def _losses(context: TrialContext, candidate: Candidate, rates: Sequence[float]) -> list[float]:
    """Return the losses of the range test, which modifies the candidate's model."""
    problem = context.problem
    finetune = context.finetune
    if context.training.teacher is None:
        finetune = replace(finetune, distillation=0.0)
    return losses_by_rate(
        rates,
        candidate.model,
        problem.task,
        train_loader=problem.data.train_dataloader(),
        settings=finetune,
        seed=problem.settings.seed,
        device=problem.device,
        teacher=context.training.teacher,
        watch=context.watch,
    )
