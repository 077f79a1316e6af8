"""The peak learning rate of a sweep's short fine-tunes, found rather than guessed.

A rate that is wrong by a factor of four hides everything else: a pruned ResNet-20 on CIFAR-10 came
back to 85 % at .005 and to 47 % at .05 in the same 1.5 epochs. So one pruned model of middling
size is trained for an epoch at a few rates, from the configured one in the direction that helps.
A budget that has no time for that keeps the configured rate: what is best after a few steps is far
too little for a training that goes on (5 steps of the same network chose .0006, 20 chose .001).
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import replace

from paretoprune.errors import TrainingError
from paretoprune.prepare import Prepared
from paretoprune.results import Budget, EpochRecord, Job
from paretoprune.schedules.steps import cut, train

_log = logging.getLogger(__name__)

_RATIO = 0.5  # of every group: about the middle of the sizes, in their logarithm
_FACTOR = 10**0.5
_MAX_STEPS = 3  # rates tried on one side of the configured one
_SHARE = 0.04  # of a budget, for each rate that is tried
_GUESS = 10.0  # seconds per epoch, where every training diverged
_FIRST = 0.1  # epochs whose time tells how long an epoch takes


def with_tuned_rate(
    prepared: Prepared,
    budget: Budget | None = None,
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> Prepared:
    """The same with the learning rate that ends with the least validation loss.

    Each rate is tried for an epoch, where that takes at most 4 % of the budget; otherwise the rate
    stays. Also notes what `clock` says of the time that an epoch takes.
    """
    paces: list[float] = []  # seconds per epoch

    def loss_at(rate: float, epochs: float) -> float:
        begun, wall = clock(), time.perf_counter()
        record = _try(prepared, rate, epochs)
        if record is None:
            return math.inf
        share = record.seconds / (time.perf_counter() - wall)  # the rest is not training
        paces.append(share * (clock() - begun) / epochs)
        return record.validation_loss

    start = prepared.finetune.learning_rate
    loss_at(start, _FIRST)
    best = start
    if _affordable(budget, paces[0] if paces else _GUESS):
        best = descend(lambda rate: loss_at(rate, 1.0), start)
    _log.info("the peak learning rate is %.3g", best)
    return replace(_with_rate(prepared, best), seconds_per_epoch=min(paces, default=_GUESS))


def _affordable(budget: Budget | None, seconds_per_epoch: float) -> bool:
    """Whether an epoch for each rate is a small part of the budget."""
    if budget is None or budget.unit == "trials":
        return True
    epochs = budget.amount if budget.unit == "epochs" else budget.amount / seconds_per_epoch
    return _SHARE * epochs >= 1.0


def descend(loss_at: Callable[[float], float], start: float) -> float:
    """From `start`, multiply or divide by sqrt(10) for as long as the loss falls."""
    best, least = start, loss_at(start)
    for factor in (1 / _FACTOR, _FACTOR):
        for _ in range(_MAX_STEPS):
            rate = best * factor
            loss = loss_at(rate)
            if not loss < least:
                break
            best, least = rate, loss
        if best != start:
            break  # the other side was left behind
    return best


def _try(prepared: Prepared, rate: float, epochs: float) -> EpochRecord | None:
    """How so many epochs at a rate ended; None where the training diverged."""
    task = prepared.outline
    ratios = {group.name: _RATIO for group in task.groups.prunable}
    widths = task.widths_of(ratios)
    job = Job(0, "tuning", ratios, widths, task.settings.seed, epochs=epochs)
    tried = _with_rate(prepared, rate)
    candidate, _ = cut(tried, tried.start, tried.scores, widths, trained_next=True)
    try:
        curve = train(tried, candidate, job, epochs=epochs)
    except TrainingError:
        return None
    return curve[-1]


def _with_rate(prepared: Prepared, rate: float) -> Prepared:
    return replace(prepared, finetune=replace(prepared.finetune, learning_rate=rate))
