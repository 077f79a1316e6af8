"""The peak learning rate of a sweep's fine-tunes, found rather than guessed.

A rate that is wrong by a factor of four hides everything else: a pruned ResNet-20 on CIFAR-10 came
back to 85 % at .005 and to 47 % at .05 in the same 1.5 epochs; another network was best at .06. So
one pruned model of middling size is trained at a few rates, for a quarter of the time that a trial
will have. What is best after a short time is too small for a longer one (5 steps of the ResNet-20
chose .0006, 20 chose .001), so a higher rate is taken even where it is a little worse.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import replace

from paretoprune.config import SearchSettings
from paretoprune.errors import TrainingError
from paretoprune.prepare import Prepared
from paretoprune.results import EpochRecord, Job
from paretoprune.schedules.steps import cut, train

_log = logging.getLogger(__name__)

_RATIO = 0.5  # of every group: about the middle of the sizes, in their logarithm
_FACTOR = 4.0
_MAX_STEPS = 3  # rates tried on one side of the configured one
_SHARE = 0.25  # of the training of a trial, for each rate that is tried
_LEAST_STEPS = 10  # of the optimizer: fewer say nothing
_ALMOST = 1.03  # times the least loss: a higher rate that comes so near will be better in the end
_GUESS = 10.0  # seconds per epoch, where every training diverged
_FIRST = 0.1  # epochs whose time tells how long an epoch takes


def with_tuned_rate(
    prepared: Prepared,
    search: SearchSettings,
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> Prepared:
    """The same with the learning rate that ends with the least validation loss, or a higher one
    that ends with nearly as little.

    Where a quarter of a trial is next to nothing the rate stays. Also notes what `clock` says of
    the time that an epoch takes.
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

    best = prepared.finetune.learning_rate
    loss_at(best, _FIRST)
    epochs = _SHARE * _epochs_of_a_trial(prepared, search, paces[0] if paces else _GUESS)
    if epochs * len(prepared.outline.data.train_dataloader()) >= _LEAST_STEPS:
        best = descend(lambda rate: loss_at(rate, epochs), best)
    _log.info("the peak learning rate is %.3g", best)
    return replace(_with_rate(prepared, best), seconds_per_epoch=min(paces, default=_GUESS))


def _epochs_of_a_trial(
    prepared: Prepared, search: SearchSettings, seconds_per_epoch: float
) -> float:
    """How long trials train, about: each in full, or its share of the budget."""
    budget, whole = search.budget, prepared.finetune.epochs
    if budget is None or budget.unit == "trials":
        return whole
    share = budget.amount / search.num_sizes
    epochs = share if budget.unit == "epochs" else share / seconds_per_epoch
    return min(epochs, whole) if search.strategy in ("full", "halving") else epochs


def descend(loss_at: Callable[[float], float], start: float) -> float:
    """From `start`, times four or a quarter for as long as the loss falls; up comes first.

    The first step up may also be one where the loss hardly rises.
    """
    best, least = start, loss_at(start)
    bearable = _ALMOST
    for factor in (_FACTOR, 1 / _FACTOR):
        for _ in range(_MAX_STEPS):
            rate = best * factor
            loss = loss_at(rate)
            if not loss < least * bearable:
                break
            best, least, bearable = rate, min(loss, least), 1.0
        if best != start:
            break  # the other side was left behind
        bearable = 1.0
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
