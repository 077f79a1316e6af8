"""Common steps of schedules: prune with proof, compensate, recalibrate, train."""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

from torch import Tensor, nn

from paretoprune.config.groups.finetune import FinetuneSettings
from paretoprune.config.instantiate import build
from paretoprune.config.settings import Settings
from paretoprune.finetune.batchnorm import recalibrate_batchnorm
from paretoprune.finetune.callbacks.masks import MaskSchedule
from paretoprune.finetune.callbacks.regrow import Regrow
from paretoprune.finetune.callbacks.regularisation import Regularisation
from paretoprune.finetune.fit import fit
from paretoprune.finetune.loader import FirstBatches, Loader
from paretoprune.finetune.nested import num_at_once
from paretoprune.finetune.training_run import TrainingRun
from paretoprune.low_rank.pair import pairs_of
from paretoprune.measure.quality import measure_quality
from paretoprune.pruning.candidate import Candidate, PrunedCandidate
from paretoprune.pruning.compensation.compensate import compensate
from paretoprune.pruning.compensation.methods.interface import Compensation
from paretoprune.pruning.scorers.gradient.gates import GateScores
from paretoprune.results import EpochRecord, Job
from paretoprune.tasks.bound import TaskBatch
from paretoprune.tasks.interface import Batch
from paretoprune.trial.context import TrialContext
from paretoprune.trial.divergence import divergence_from, outputs_of
from paretoprune.trial.schedules.interface import Trained
from paretoprune.trial.schedules.parts.nested import slices_of

_log = logging.getLogger(__name__)

_START_BATCHES = 2  # of a recalibration that is followed by training
_NUM_VALIDATED = 1  # batches of validation data after a single round
_VALIDATED = 0.1  # validation samples per training sample, for the choice among epochs
_NUM_COMPARED = 2  # batches of training data on which outputs are compared
_FULL_RATE_DIVERGENCE = 6.0  # nats; from here on the full peak learning rate is best for ranks
_LEAST_FACTOR = 0.1  # of the peak learning rate; with less, training changes almost nothing
_NUM_CALIBRATED = 256  # training samples for compensation


def rescore(context: TrialContext, candidate: Candidate, job: Job) -> dict[str, Tensor]:
    """Return the scores of the remaining channels."""
    scorer = build(context.settings.scorer, seed=job.seed)
    return candidate.score(scorer, context.data.training_batches())


def prune(
    context: TrialContext,
    candidate: Candidate,
    scores: Mapping[str, Tensor],
    widths: Mapping[str, int],
    *,
    trained_next: bool,
) -> tuple[Candidate, dict[str, float]]:
    """Return a copy pruned to `widths`: proved, compensated, BatchNorm statistics recalibrated.

    Also returns the seconds of the compensation and, in a single run, the validation loss in nats
    without and with it; empty without compensation.
    """
    clock = context.watch.clock
    smaller = candidate.prune(scores, widths, proof=context.problem.example)
    method = compensation_of(context.settings)
    if method is None:
        # Training replaces the statistics within some twenty steps: a start is enough.
        recalibrate(context, smaller.model, most=_START_BATCHES if trained_next else None)
        return smaller, {}
    report = context.settings.search is None
    gains = {"loss_before": _recalibrated_loss(context, smaller.model)} if report else {}
    started = clock()
    with context.watch.on("compensate"):
        samples = calibration_samples(context, _NUM_CALIBRATED)
        compensate(method, smaller.model, candidate.model, smaller.kept_rows(candidate), samples)
    gains["seconds"] = clock() - started
    if report:
        gains["loss_after"] = _validation_loss(context, smaller.model)
        _log.info("compensation: validation loss %(loss_before).4g -> %(loss_after).4g", gains)
    return smaller, gains


def compensation_of(settings: Settings) -> Compensation | None:
    """Return the compensation of the settings; None if there is none."""
    method = settings.compensation_method
    return None if method is None else cast(Compensation, build(method))


def calibration_samples(context: TrialContext, count: int) -> TaskBatch:
    """Return the first `count` training samples, or all if there are fewer."""
    return context.data.first_samples(count)


def recalibrate(context: TrialContext, model: nn.Module, *, most: int | None = None) -> None:
    """Recompute the BatchNorm statistics on training batches, at most `most` if given."""
    limit = context.finetune.recalibration_batches
    if most is not None:
        limit = min(limit, most)
    recalibrate_batchnorm(model, (batch.inputs for batch in context.data.training_batches(limit)))


def _recalibrated_loss(context: TrialContext, model: nn.Module) -> float:
    """Return the validation loss of a copy with recalibrated BatchNorm statistics."""
    plain = copy.deepcopy(model)
    recalibrate(context, plain)
    return _validation_loss(context, plain)


def _validation_loss(context: TrialContext, model: nn.Module) -> float:
    problem = context.problem
    loader = problem.data.val_dataloader()
    return measure_quality(problem.task, model, loader, device=problem.device)["loss"]


def train(
    context: TrialContext,
    candidate: Candidate,
    job: Job,
    *,
    epochs: float,
    first_epoch: int = 1,
    settings: FinetuneSettings | None = None,
    masks: MaskSchedule | Regrow | None = None,
    regularisation: Regularisation | None = None,
    batches: Sequence[Batch] | None = None,
    gates: GateScores | None = None,
) -> tuple[EpochRecord, ...]:
    """Train the candidate's model in place, with its masks fixed, and return the curve.

    By default with the settings of fine-tuning, on the whole training part. `epochs` are shared
    with nested networks. For a model with low-rank pairs the peak learning rate is multiplied by
    `repair_factor`; there, and in a trial of limited time, the weights from before training are
    kept if it does not improve them: least squares may leave little to repair.
    """
    problem, epochs = context.problem, epochs / num_at_once(len(job.nested))
    has_pairs = bool(pairs_of(candidate.model))
    keeps_start = has_pairs and settings is None and not job.nested
    repairs = keeps_start and epochs > 0
    chosen = _settings_of(context, candidate, job, settings, repairs=repairs)
    brief = batches is None and not keeps_start and epochs <= 1
    run = TrainingRun(
        train_loader=problem.data.train_dataloader() if batches is None else batches,
        val_loader=_validation_batches(context, job, whole=batches is not None, brief=brief),
        settings=chosen,
        epochs=epochs,
        seed=job.seed,
        device=problem.device,
        teacher=context.training.teacher,
        masks=masks or _fixed_masks(candidate),
        regularisation=regularisation,
        nested=slices_of(context, candidate, job.nested),
        on_gradients=gates,
        first_epoch=first_epoch,
        evaluate_start=repairs or (epochs > 0 and _may_do_harm(job, settings, batches)),
        seconds=_limit(context, job, epochs),
        watch=context.watch,
        trainer=problem.settings.trainer,
    )
    return fit(candidate.model, problem.task, run).curve


def _fixed_masks(candidate: Candidate) -> MaskSchedule | None:
    fixed = candidate.fixed_masks
    return MaskSchedule(lambda _share: fixed, ramp=0) if fixed else None


def _settings_of(
    context: TrialContext,
    candidate: Candidate,
    job: Job,
    given: FinetuneSettings | None,
    *,
    repairs: bool,
) -> FinetuneSettings:
    """Return the given settings or those of a model of this size, at the rate that is needed.

    `repairs`: the peak learning rate depends on the damage that factorization has done.
    """
    chosen = given or _for_size(context, job)
    if repairs:
        rate = chosen.learning_rate * repair_factor(context, candidate.model)
        chosen = replace(chosen, learning_rate=rate)
    if context.training.teacher is None:
        chosen = replace(chosen, distillation=0.0)
    return chosen


def _may_do_harm(job: Job, settings: FinetuneSettings | None, batches: object) -> bool:
    """True for a training of limited time, which may be worse than what compensation left."""
    return job.seconds is not None and settings is None and batches is None and not job.nested


def _limit(context: TrialContext, job: Job, epochs: float) -> float | None:
    """The seconds of a part of the job's training; None: no limit."""
    if job.seconds is None or not epochs:
        return None
    return job.seconds * epochs * num_at_once(len(job.nested)) / epochs_of(context, job)


def _validation_batches(context: TrialContext, job: Job, *, whole: bool, brief: bool) -> Loader:
    """Return the batches for the choice among the epochs of a training: `whole`, all of them.

    In a trial of limited time, about a tenth as many samples as an epoch of training has; the
    finished model is measured on all of them. In a `brief` training of a single round there is no
    choice, so that few batches suffice.
    """
    info, loader = context.data.info, context.data.val_dataloader()
    if job.seconds is not None and not whole:
        share = min(1.0, _VALIDATED * info.num_train / info.num_validation)
        return FirstBatches(loader, max(1, math.ceil(len(loader) * share)))
    every: Loader = loader
    return FirstBatches(loader, _NUM_VALIDATED) if brief else every


def trained_epochs(context: TrialContext, job: Job, trained: Trained) -> float:
    """The epochs of a trial: those planned, or fewer if time or a callback ended its training."""
    if job.seconds is None and not context.settings.trainer.callbacks:
        return trained.epochs
    steps = sum(record.steps for record in trained.curve) * num_at_once(len(job.nested))
    return min(trained.epochs, steps / len(context.data.train_dataloader()))


def epochs_of(context: TrialContext, job: Job) -> float:
    """Return the epochs of the fine-tuning of a trial: those of the job, or of the settings."""
    return context.finetune.epochs if job.epochs is None else job.epochs


def gates_of(context: TrialContext, candidate: Candidate, job: Job) -> GateScores | None:
    """Return the callback that collects gate scores during training, if the search uses them.

    None if nested networks are trained: the order of their channels must not change.
    """
    by_gates = context.settings.uses_gate_scores and not job.nested
    if not by_gates or not isinstance(candidate, PrunedCandidate):
        return None
    return GateScores(candidate.model, candidate.groups)


def repair_factor(context: TrialContext, model: nn.Module) -> float:
    """Return the factor of the peak learning rate for a pruned model, in [0.1, 1].

    Proportional to the distance of its outputs from the dense model's on training samples; 1 from
    6 on (nats, for classification).
    """
    compared = TaskBatch.joined([*context.data.training_batches(_NUM_COMPARED)])
    wanted = outputs_of(context.dense.model, compared)
    divergence = divergence_from(wanted, model, compared)
    return min(1.0, max(_LEAST_FACTOR, divergence / _FULL_RATE_DIVERGENCE))


def _for_size(context: TrialContext, job: Job) -> FinetuneSettings:
    """Return the settings with the peak learning rate for a model of this size."""
    finetune = context.finetune
    rate = finetune.learning_rate * rate_factor(context, job.widths)
    return replace(finetune, learning_rate=rate)


def rate_factor(context: TrialContext, widths: Mapping[str, int]) -> float:
    """Return the factor of the peak learning rate for a model of these widths, at least 1.

    Where weights go instead of channels, the network is not smaller.
    """
    costs, finetune = context.costs, context.finetune
    if costs.space.layers:
        return 1.0
    share = costs.cost_at(widths).macs / costs.cost_of({}).macs
    return math.pow(share, -finetune.rate_growth)
