"""Schedules of a user's own: one that keeps the contract, and some that break it."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from paretoprune.finetune.pruning_steps import widths_between
from paretoprune.results import Job
from paretoprune.trial.context import TrialContext
from paretoprune.trial.schedules.interface import Schedule, Start, Trained
from paretoprune.trial.schedules.parts.steps import epochs_of, prune, rescore, train


@dataclass(frozen=True, kw_only=True)
class Halves(Schedule):
    """Prune in rounds without training between them, then train."""

    rounds: int = 3

    def __call__(self, context: TrialContext, job: Job, start: Start, /) -> Trained:
        """The shares of the plan are equal."""
        candidate, before = start.candidate, start.candidate.widths()
        scores = start.scores
        for number in range(1, self.rounds + 1):
            widths = widths_between(before, job.widths, number / self.rounds)
            candidate, _ = prune(context, candidate, scores, widths, trained_next=True)
            scores = rescore(context, candidate, job)
        epochs = epochs_of(context, job)
        return Trained(candidate, train(context, candidate, job, epochs=epochs), epochs)


class Wide(Schedule):
    """Prunes nothing."""

    def __call__(self, context: TrialContext, job: Job, start: Start, /) -> Trained:
        """The start itself."""
        return Trained(start.candidate, ())


class Careless(Schedule):
    """Trains the model that all trials start from."""

    def __call__(self, context: TrialContext, job: Job, start: Start, /) -> Trained:
        """In place."""
        train(context, start.candidate, job, epochs=1)
        smaller, _ = prune(context, start.candidate, start.scores, job.widths, trained_next=False)
        return Trained(smaller, ())


class Restless(Schedule):
    """Draws from the global random state."""

    def __call__(self, context: TrialContext, job: Job, start: Start, /) -> Trained:
        """Weights with noise."""
        smaller, _ = prune(context, start.candidate, start.scores, job.widths, trained_next=False)
        with torch.no_grad():
            for parameter in smaller.model.parameters():
                parameter.add_(torch.randn_like(parameter))
        return Trained(smaller, ())
