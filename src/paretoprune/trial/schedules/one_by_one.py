"""Greedy pruning: remove the least important unit, recover, and repeat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import ClassVar

from torch import Tensor

from paretoprune.config.settings import Settings
from paretoprune.config.values import Percent, Positive
from paretoprune.pruning.scorers.parts.normalise import normalise
from paretoprune.pruning.structured.rounding import step_of
from paretoprune.results import EpochRecord, Job
from paretoprune.retained import is_at_least
from paretoprune.tasks.interface import Batch
from paretoprune.trial.context import TrialContext
from paretoprune.trial.schedules.interface import Schedule, Start, Trained
from paretoprune.trial.schedules.parts.steps import epochs_of, prune, rescore, train


@dataclass(frozen=True, kw_only=True)
class OneByOne(Schedule):
    """Remove the least important channels of all groups, train briefly, score, and so on.

    It ends when the widths of the job are reached, which no group falls below, when the target size
    of `sparsity` is met, after `steps`, or before the task's first quality becomes worse than
    `min_quality`; fine-tuning follows. Molchanov et al. 2017 (Pruning Convolutional Neural
    Networks for Resource Efficient Inference, section 2).
    """

    steps: Positive = 1000  # prunings, at most
    units: Positive = 1  # channels per pruning
    recovery: Positive = 4  # training batches after each pruning
    # The task's first quality on the validation data, in its unit.
    min_quality: float | None = None
    min_accuracy: Percent | None = None  # the same, of classifiers

    traits: ClassVar = ("stops_at_target",)

    def __call__(self, context: TrialContext, job: Job, start: Start, /) -> Trained:
        """Prune and recover until a stop condition is met, then fine-tune."""
        candidate, scores = start.candidate, start.scores
        curve: tuple[EpochRecord, ...] = ()
        gains: dict[str, float] = {}
        batches = _first_batches(context, self.recovery)
        bound = self.min_accuracy if self.min_quality is None else self.min_quality
        task = context.data.task
        direction = task.qualities[0].direction
        for step in range(self.steps):
            widths = candidate.widths()
            choice = least_important(
                scores, widths, job.widths, units=self.units, steps=_width_steps(context)
            )
            if choice is None or is_small_enough(context, widths):
                break
            smaller, gained = prune(
                context, candidate, scores, {**widths, **choice}, trained_next=True
            )
            records = train(
                context,
                smaller,
                replace(job, seed=job.seed + step),
                epochs=1,
                first_epoch=len(curve) + 1,
                batches=batches,
            )
            if bound is not None and not is_at_least(records[-1].quality, bound, direction):
                break
            candidate, curve = smaller, curve + records
            if gained:
                gains = {**gained, "seconds": gains.get("seconds", 0.0) + gained["seconds"]}
            scores = rescore(context, candidate, job)
        recovered = len(curve) * len(batches) / len(context.data.train_dataloader())
        epochs = epochs_of(context, job)
        curve += train(context, candidate, job, epochs=epochs, first_epoch=len(curve) + 1)
        return Trained(candidate, curve, recovered + epochs, gains)

    def mistake(self, settings: Settings) -> str | None:
        """Return why there are no channels to remove, or which of two bounds is one too many."""
        if self.min_quality is not None and self.min_accuracy is not None:
            return "give `schedule.min_quality` or `schedule.min_accuracy`, not both"
        if settings.is_structured:
            return None
        return "`schedule=one_by_one` needs `granularity=channels`"


def least_important(
    scores: Mapping[str, Tensor],
    widths: Mapping[str, int],
    floors: Mapping[str, int],
    *,
    units: int,
    steps: Mapping[str, int],
) -> dict[str, int] | None:
    """Return the group whose next channels have the lowest mean score, with its new width.

    None if no group may be narrower.
    The new width is the largest multiple of the group's step that is at least `units` less, but not
    below the floor. Scores are made comparable by dividing by their mean in each group.
    """
    best: tuple[float, str, int] | None = None
    for name, values in normalise(dict(scores)).items():
        width = max(floors[name], (widths[name] - units) // steps[name] * steps[name])
        if width < widths[name]:
            lowest = values.sort().values[: widths[name] - width]
            offer = (float(lowest.mean()), name, width)
            best = offer if best is None else min(best, offer)
    return None if best is None else {best[1]: best[2]}


def is_small_enough(context: TrialContext, widths: Mapping[str, int]) -> bool:
    """Return True if the size target of a single run is met; a sweep has none."""
    settings, size_at = context.settings, context.costs.size_at
    target = None if settings.search else settings.sparsity.size_target
    if target is None:
        return False
    name, share = target
    return size_at(widths, name) <= share * size_at({}, name)


def _width_steps(context: TrialContext) -> dict[str, int]:
    sparsity = context.settings.sparsity
    return {group.name: step_of(group, sparsity.divisor) for group in context.groups.prunable}


def _first_batches(context: TrialContext, count: int) -> list[Batch]:
    return [*islice(iter(context.data.train_dataloader()), count)]
