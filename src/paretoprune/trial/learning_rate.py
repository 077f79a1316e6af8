"""The peak learning rate of a sweep's short fine-tunes, found rather than guessed.

A rate that is wrong by a factor of four hides everything else, and the best ones of two data sets
differ by ten (docs/search.md). So one pruned model of about the middle of the sizes goes through a
range test: a few dozen steps while the rate rises, once for all trials.
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

_RATIO = 0.65  # of every group: about the middle of the sizes, in their logarithm
_LOWEST, _HIGHEST = 0.05, 50.0  # rates, as multiples of the configured one
_NUM_STEPS = 80
_SHARE = 0.1  # of a budget of time: with less for these steps the configured rate stays
_NUM_TIMED = 5  # steps whose time tells how long they take
_PEAK = 2.0  # the peak of a cycle over the rate at which the loss was least
_MOST = 10.0  # times the configured one: few images that come again and again are learnt at any


def with_tuned_rate(
    context: TrialContext,
    budget: Budget | None = None,
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> TrialContext:
    """The same with the peak that the range test finds, and the time that an epoch takes.

    `clock` counts what a budget of time is of. Where the test would take more than a tenth of that,
    the configured rate stays. All of it stays where it was found before, or where nobody wants it.
    """
    problem = context.problem
    wanted = (
        problem.settings.finetune.tune_learning_rate
        and not problem.settings.schedule.retrains_from_scratch
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
    """So many rates, each the same multiple of the one before."""
    return [lowest * (highest / lowest) ** (step / (count - 1)) for step in range(count)]


def peak_of(rates: Sequence[float], losses: Sequence[float], *, usual: float) -> float:
    """Twice the rate of the least loss, and at most ten times the `usual` one.

    The usual one where the losses are too few to say.

    Twice, since the steps of a cycle after its peak undo what was a little too much for the loss.
    """
    clear = range(NUM_VAGUE, len(losses))
    if not clear:
        return usual
    return min(_PEAK * rates[min(clear, key=losses.__getitem__)], _MOST * usual)


def _seconds_per_step(
    context: TrialContext, candidate: Candidate, rate: float, clock: Callable[[], float]
) -> float:
    """Without the dense model's answers, which are cached; and without the first step's start."""
    alone = replace(context, teacher=None)
    _losses(alone, candidate, [rate])
    begun = clock()
    _losses(alone, candidate, [rate] * _NUM_TIMED)
    return (clock() - begun) / _NUM_TIMED


def _losses(context: TrialContext, candidate: Candidate, rates: Sequence[float]) -> list[float]:
    """Those of the range test, which changes the candidate's model."""
    problem = context.problem
    finetune = context.finetune
    if context.teacher is None:
        finetune = replace(finetune, distillation=0.0)
    return losses_by_rate(
        rates,
        candidate.model,
        train_loader=problem.data.train_dataloader(),
        settings=finetune,
        seed=problem.settings.seed,
        device=problem.device,
        teacher=context.teacher,
    )
