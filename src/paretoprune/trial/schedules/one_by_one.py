"""The basic algorithm of pruning: remove the least important unit, recover, and again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice

from torch import Tensor

from paretoprune.problem.qualities import TASK_QUALITY
from paretoprune.pruning.scorers.normalise import normalise
from paretoprune.pruning.structured.rounding import step_of
from paretoprune.results import EpochRecord, Job
from paretoprune.retained import is_at_least
from paretoprune.trial.context import TrialContext
from paretoprune.trial.schedules.steps import Start, Trained, epochs_of, prune, rescore, train


def one_by_one(context: TrialContext, job: Job, start: Start) -> Trained:
    """Remove the least important channels of all groups, train a little, score anew, and so on.

    It ends when the widths of the job are reached, which no group goes below, when the target size
    of `sparsity` is met, after `steps`, or before the task's first quality becomes worse than
    `min_quality`. Then it is fine-tuned. After Molchanov et al. 2017 (Pruning Convolutional Neural
    Networks for Resource Efficient Inference, section 2).
    """
    schedule = context.problem.settings.schedule
    bound = schedule.min_accuracy if schedule.min_quality is None else schedule.min_quality
    direction = TASK_QUALITY.direction
    candidate, scores = start.candidate, start.scores
    curve: tuple[EpochRecord, ...] = ()
    gains: dict[str, float] = {}
    batches = _some_batches(context, schedule.recovery)
    for step in range(schedule.steps):
        widths = candidate.widths()
        choice = least_important(
            scores, widths, job.widths, units=schedule.units, steps=_steps(context)
        )
        if choice is None or is_small_enough(context, widths):
            break
        smaller, gained = prune(context, candidate, scores, {**widths, **choice}, trained_next=True)
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
    recovered = len(curve) * len(batches) / len(context.problem.data.train_dataloader())
    epochs = epochs_of(context, job)
    curve += train(context, candidate, job, epochs=epochs, first_epoch=len(curve) + 1)
    return Trained(candidate, curve, recovered + epochs, gains)


def least_important(
    scores: Mapping[str, Tensor],
    widths: Mapping[str, int],
    floors: Mapping[str, int],
    *,
    units: int,
    steps: Mapping[str, int],
) -> dict[str, int] | None:
    """The group whose next channels have the lowest mean score, and its new width; None: no more.

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
    """Whether a target size of a single run is met; a sweep has none."""
    problem = context.problem
    target = None if problem.settings.search else problem.settings.sparsity.size_target
    if target is None:
        return False
    name, share = target
    return problem.size_at(widths, name) <= share * problem.size_at({}, name)


def _steps(context: TrialContext) -> dict[str, int]:
    problem = context.problem
    divisor = problem.settings.sparsity.divisor
    return {group.name: step_of(group, divisor) for group in problem.groups.prunable}


def _some_batches(context: TrialContext, count: int) -> list[tuple[Tensor, ...]]:
    return [tuple(b) for b in islice(iter(context.problem.data.train_dataloader()), count)]
