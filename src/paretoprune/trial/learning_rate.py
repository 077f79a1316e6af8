"""Learning-rate range test for the trials' fine-tuning.

A learning rate that is wrong by a factor of four hides all other effects, and the optima of two
data sets differ by ten (docs/research/search.md). The test (Smith 2017, "Cyclical learning rates
for training neural networks", section 3.3) trains one pruned model of medium size for a few dozen
steps while the rate rises. It runs once per sweep.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from paretoprune.finetune.range_test import NUM_VAGUE, losses_by_rate
from paretoprune.pruning.candidate import Candidate
from paretoprune.results import Budget, EpochTime
from paretoprune.trial.context import TrialContext
from paretoprune.trial.schedules.steps import prune, rate_factor

_log = logging.getLogger(__name__)

_RATIO = 0.65  # of every group: about the middle of the sizes, on a log scale
_LOWEST, _HIGHEST = 0.05, 50.0  # rates, as multiples of the configured one
_NUM_STEPS = 80
# maximum share of a time budget; if the test takes longer, the configured rate is kept
_SHARE = 0.1
_NUM_TIMED = 5  # steps that are timed
_PEAK = 2.0  # peak rate relative to the rate with the lowest loss
_MOST = 10.0  # maximum relative to the configured rate: small data sets are memorised at any rate


def with_tuned_rate(
    context: TrialContext,
    budget: Budget | None = None,
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> TrialContext:
    """Return the context with the peak rate found by the range test, and the epoch time.

    `clock` measures in the unit of a time budget. If the test would take more than a tenth of it,
    the configured rate is kept. Returns `context` unchanged if the rate was tuned already or tuning
    is off, or the task brings its own optimizer.
    """
    problem = context.problem
    wanted = (
        problem.settings.finetune.tune_learning_rate
        and not problem.settings.schedule.retrains_from_scratch
        and problem.task.training(context.dense, num_steps=1, num_epochs=1) is None
    )
    if context.epoch_time is not None or not wanted:
        return context
    widths = problem.widths_of({group.name: _RATIO for group in problem.groups.prunable})
    candidate, _ = prune(context, context.start, context.scores, widths, trained_next=True)
    factor = rate_factor(context, widths)
    rate = context.finetune.learning_rate
    rates = rising(rate * _LOWEST, rate * _HIGHEST, _NUM_STEPS)
    seconds = _seconds_per_step(context, candidate, rates[0] * factor, clock)
    if budget is None or budget.unit != "seconds" or seconds * _NUM_STEPS < _SHARE * budget.amount:
        losses = _losses(context, candidate, [each * factor for each in rates])
        rate = peak_of(rates, losses, usual=rate)
    _log.info("the peak learning rate is %.3g", rate)
    return replace(
        context,
        finetune=replace(context.finetune, learning_rate=rate),
        epoch_time=EpochTime(
            problem.cost_at(widths).macs, seconds * len(problem.data.train_dataloader())
        ),
    )


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


def _seconds_per_step(
    context: TrialContext, candidate: Candidate, rate: float, clock: Callable[[], float]
) -> float:
    """Time a step without the teacher, whose outputs are cached, and without warm-up."""
    alone = replace(context, teacher=None)
    _losses(alone, candidate, [rate])
    begun = clock()
    _losses(alone, candidate, [rate] * _NUM_TIMED)
    return (clock() - begun) / _NUM_TIMED


def _losses(context: TrialContext, candidate: Candidate, rates: Sequence[float]) -> list[float]:
    """Return the losses of the range test, which modifies the candidate's model."""
    problem = context.problem
    finetune = context.finetune
    if context.teacher is None:
        finetune = replace(finetune, distillation=0.0)
    return losses_by_rate(
        rates,
        candidate.model,
        problem.task,
        train_loader=problem.data.train_dataloader(),
        settings=finetune,
        seed=problem.settings.seed,
        device=problem.device,
        teacher=context.teacher,
    )
