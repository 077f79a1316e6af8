"""What every schedule is made of: cut and prove, compensate, recalibrate, train."""

from __future__ import annotations

import copy
import logging
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import torch
from torch import Tensor, nn

from paretoprune.config.groups.finetune import FinetuneSettings
from paretoprune.config.instantiate import build
from paretoprune.finetune.batchnorm import recalibrate_batchnorm
from paretoprune.finetune.callbacks.masks import MaskSchedule
from paretoprune.finetune.callbacks.regrow import Regrow
from paretoprune.finetune.callbacks.regularisation import Regularisation
from paretoprune.finetune.fit import fit
from paretoprune.finetune.loader import FirstBatches
from paretoprune.finetune.nested import num_at_once
from paretoprune.measure.quality import measure_quality
from paretoprune.pruning.candidate import Candidate, PrunedCandidate
from paretoprune.pruning.compensation.compensate import compensate
from paretoprune.pruning.scorers.gradient.gates import GateScores
from paretoprune.results import EpochRecord, Job
from paretoprune.trial.context import TrialContext, first_samples, training_batches
from paretoprune.trial.divergence import divergence_from, log_probabilities
from paretoprune.trial.schedules.nested import slices_of

_log = logging.getLogger(__name__)

_START_BATCHES = 2  # of a re-calibration after which the model is trained
_GLANCE = 1  # batches of validation data
_NUM_COMPARED = 2  # batches of training data on which outputs are compared
_FULL_RATE_DIVERGENCE = 0.5  # nats; from here on the full peak learning rate is best
_LEAST_FACTOR = 0.1  # of the peak learning rate; with less, training changes almost nothing
_NUM_CALIBRATED = 256  # training samples on which kept weights make up for what went


@dataclass(frozen=True)
class Start:
    """What a trial prunes: the dense model, or what an earlier trial made of it."""

    candidate: Candidate
    scores: Mapping[str, Tensor]


@dataclass(frozen=True)
class Trained:
    """A pruned and trained model, and how it came about."""

    candidate: Candidate
    curve: tuple[EpochRecord, ...]
    epochs: float = 0.0  # passes over the training data
    compensation: Mapping[str, float] = field(default_factory=dict)  # validation losses, "seconds"
    scores: Mapping[str, Tensor] = field(default_factory=dict)  # of the channels that are left


class Schedule(Protocol):
    """Carries out one job: prunes to its widths and trains, in the schedule's own order."""

    def __call__(self, context: TrialContext, job: Job, start: Start, /) -> Trained: ...


def rescore(context: TrialContext, candidate: Candidate, job: Job) -> dict[str, Tensor]:
    """Scores of what is left."""
    scorer = build(context.problem.settings.scorer, seed=job.seed)
    return candidate.score(scorer, training_batches(context.problem))


def prune(
    context: TrialContext,
    candidate: Candidate,
    scores: Mapping[str, Tensor],
    widths: Mapping[str, int],
    *,
    trained_next: bool,
) -> tuple[Candidate, dict[str, float]]:
    """The candidate with so much left, proved, compensated, its BatchNorm statistics renewed.

    And what the compensation took and, unless training in a search follows, the validation loss
    without and with it in nats; empty where there is none.
    """
    smaller = candidate.prune(scores, widths, proof=context.problem.example)
    method = context.problem.settings.compensation_method
    if method is None:
        # Training replaces the statistics within some twenty steps: a start is enough.
        recalibrate(context, smaller.model, most=_START_BATCHES if trained_next else None)
        return smaller, {}
    report = context.problem.settings.search is None
    gains = {"loss_before": _recalibrated_loss(context, smaller.model)} if report else {}
    started = time.perf_counter()
    samples = calibration_samples(context, _NUM_CALIBRATED)
    compensate(method, smaller.model, candidate.model, smaller.kept_rows(candidate), samples)
    gains["seconds"] = time.perf_counter() - started
    if report:
        gains["loss_after"] = _validation_loss(context, smaller.model)
        _log.info("compensation: validation loss %(loss_before).4g -> %(loss_after).4g", gains)
    return smaller, gains


def calibration_samples(context: TrialContext, count: int) -> Tensor:
    """The first so many training samples, (count, ...), or all there are."""
    return first_samples(context.problem, count)


def recalibrate(context: TrialContext, model: nn.Module, *, most: int | None = None) -> None:
    """Renew the BatchNorm statistics on training batches, at most so many."""
    limit = context.finetune.recalibration_batches
    if most is not None:
        limit = min(limit, most)
    recalibrate_batchnorm(model, (inputs for inputs, _ in training_batches(context.problem, limit)))


def _recalibrated_loss(context: TrialContext, model: nn.Module) -> float:
    """That of a copy whose BatchNorm statistics are renewed, as they are without compensation."""
    plain = copy.deepcopy(model)
    recalibrate(context, plain)
    return _validation_loss(context, plain)


def _validation_loss(context: TrialContext, model: nn.Module) -> float:
    problem = context.problem
    loader = problem.data.val_dataloader()
    quality = measure_quality(
        model, loader, num_classes=problem.info.num_classes, device=problem.device
    )
    return quality["loss"]


def train(
    context: TrialContext,
    candidate: Candidate,
    job: Job,
    *,
    epochs: float,
    first_epoch: int = 1,
    settings: FinetuneSettings | None = None,
    masks: MaskSchedule | Regrow | None = None,
    pressure: Regularisation | None = None,
    batches: Sequence[Sequence[Tensor]] | None = None,
    gates: GateScores | None = None,
) -> tuple[EpochRecord, ...]:
    """Train the candidate's model in place; what is gone stays gone. Returns the curve.

    `settings` are those of fine-tuning if not given; `batches` the whole training part. Of the
    `epochs`, what passes through networks that are trained along takes its part. If ranks are
    searched, the peak learning rate is multiplied by `repair_factor`, and the weights from before
    training are kept if training does not improve them: least squares may leave little to repair.
    """
    problem = context.problem
    epochs /= num_at_once(len(job.nested))
    if masks is None and (fixed_masks := candidate.fixed_masks):
        masks = MaskSchedule(lambda _share: fixed_masks, ramp=0)
    keeps_start = problem.space.ranks is not None and settings is None and not job.nested
    # Of a single round there is nothing to choose: a glance at the validation data will do.
    val_loader = problem.data.val_dataloader()
    if epochs <= 1 and batches is None and not keeps_start:
        val_loader = FirstBatches(val_loader, _GLANCE)
    chosen = settings or _for_size(context, job)
    if keeps_start and epochs:
        rate = chosen.learning_rate * repair_factor(context, candidate.model)
        chosen = replace(chosen, learning_rate=rate)
    if context.teacher is None:
        chosen = replace(chosen, distillation=0.0)
    result = fit(
        candidate.model,
        train_loader=problem.data.train_dataloader() if batches is None else batches,
        val_loader=val_loader,
        settings=chosen,
        epochs=epochs,
        seed=job.seed,
        device=problem.device,
        teacher=context.teacher,
        masks=masks,
        pressure=pressure,
        nested=slices_of(context, candidate, job.nested),
        on_gradients=gates,
        first_epoch=first_epoch,
        evaluate_start=keeps_start and epochs > 0,
    )
    return result.curve


def epochs_of(context: TrialContext, job: Job) -> float:
    """How many epochs a trial is fine-tuned for: as its rung says, or as the settings."""
    return context.finetune.epochs if job.epochs is None else job.epochs


def gates_of(context: TrialContext, candidate: Candidate, job: Job) -> GateScores | None:
    """What gathers scores while the candidate is trained, where the search goes by them.

    Not where it trains others in its weights: their channels have an order that must stay.
    """
    by_gates = context.problem.settings.uses_gate_scores and not job.nested
    if not by_gates or not isinstance(candidate, PrunedCandidate):
        return None
    return GateScores(candidate.model, candidate.groups)


def repair_factor(context: TrialContext, model: nn.Module) -> float:
    """Return the factor of the peak learning rate for a pruned model, in [0.1, 1].

    Proportional to the mean KL(dense || pruned) on training samples; 1 from 0.5 nats on.
    """
    batches = [inputs for inputs, _ in training_batches(context.problem, _NUM_COMPARED)]
    compared = torch.cat(batches)
    wanted = log_probabilities(context.dense, compared)
    divergence = divergence_from(wanted, model, compared)
    return min(1.0, max(_LEAST_FACTOR, divergence / _FULL_RATE_DIVERGENCE))


def _for_size(context: TrialContext, job: Job) -> FinetuneSettings:
    """The settings with the peak learning rate for a model of this size."""
    finetune = context.finetune
    rate = finetune.learning_rate * rate_factor(context, job.widths)
    return replace(finetune, learning_rate=rate)


def rate_factor(context: TrialContext, widths: Mapping[str, int]) -> float:
    """What multiplies the peak learning rate for a model of these widths: small ones take more.

    Where weights go instead of channels, the network is not smaller.
    """
    problem = context.problem
    if problem.space.layers:
        return 1.0
    share = problem.cost_at(widths).macs / problem.cost_of({}).macs
    return math.pow(share, -context.finetune.rate_growth)
