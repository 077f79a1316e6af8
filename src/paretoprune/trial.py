"""One trial as a function: prune, fine-tune, measure."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from paretoprune.config import FinetuneSettings, Settings
from paretoprune.files import read_json, write_json
from paretoprune.finetune import Beginning, MaskSchedule, fit, recalibrate_batchnorm, stages
from paretoprune.prepare import Prepared, measure, training_batches
from paretoprune.pruning import (
    GateScores,
    Group,
    Plan,
    apply_plan,
    check_equivalence,
    make_plan,
    mask_tensors,
    masked_model,
    rebuild,
    save_state,
)
from paretoprune.pruning.coordinates import compose, remaining, restrict_groups
from paretoprune.results import EpochRecord, Job, TrialResult
from paretoprune.targets import build

_SCORES = "scores.json"  # in a trial's folder: what its training said of its channels
_GLANCE = 1  # batches of validation data


@dataclass(frozen=True)
class Trained:
    """A pruned and fine-tuned model, and how it came about."""

    model: nn.Module
    plan: Plan  # in the dense model's channels
    curve: tuple[EpochRecord, ...]
    scores: Mapping[str, Tensor] = field(default_factory=dict)  # of the channels that are left


def run_trial(prepared: Prepared, job: Job, *, folder: Path) -> TrialResult:
    """Carry out one job; `folder` receives the plan and the weights.

    Raises EquivalenceError if the pruned model is not the masked dense model, TrainingError if the
    training diverges.
    """
    started = time.perf_counter()
    groups = prepared.outline.groups.prunable
    if all(job.widths[group.name] == group.width for group in groups):
        trained, metrics = Trained(prepared.dense, Plan({}), ()), prepared.dense_metrics
    else:
        trained = train(prepared, job, start_of(prepared, job, trials=folder.parent))
        metrics = None
    finetuned = time.perf_counter()
    training = sum(record.seconds for record in trained.curve)
    if metrics is None:
        dense = (prepared.dense, prepared.dense_metrics)
        metrics = measure(prepared.outline, trained.model, dense=dense)
    write_json(folder / "plan.json", trained.plan.to_json())
    scores = {name: tuple(values.tolist()) for name, values in trained.scores.items()}
    if scores:
        write_json(folder / _SCORES, scores)
    save_state(folder / "model.safetensors", trained.model)
    return TrialResult(
        number=job.number,
        state="complete",
        origin=job.origin,
        ratios=dict(job.ratios),
        widths=dict(job.widths),
        metrics=metrics,
        seed=job.seed,
        curve=trained.curve,
        parent=job.parent,
        epochs=_epochs_of(prepared, job) if trained.curve else 0.0,
        rung=job.rung,
        scores=scores,
        seconds={
            "prune": finetuned - started - training,
            "finetune": training,
            "measure": time.perf_counter() - finetuned,
        },
    )


def _epochs_of(prepared: Prepared, job: Job) -> float:
    return prepared.finetune.epochs if job.epochs is None else job.epochs


@dataclass(frozen=True)
class Start:
    """What a trial prunes: the dense model, or what an earlier trial made of it."""

    model: nn.Module
    plan: Plan  # what is gone already, in the dense model's channels
    groups: tuple[Group, ...]  # what can still go, in the channels of `model`
    scores: Mapping[str, Tensor]  # of these groups


def start_of(prepared: Prepared, job: Job, *, trials: Path) -> Start:
    """The parent's model, from the folder of all trials, if the job names one; else the dense."""
    groups = prepared.outline.groups.prunable
    if job.parent is None:
        return Start(prepared.dense, Plan({}), groups, prepared.scores)
    folder = trials / f"{job.parent:04d}"
    plan = Plan.from_json(read_json(folder / "plan.json"))
    dense = copy.deepcopy(prepared.dense)
    model = rebuild(dense, groups, plan, folder / "model.safetensors").eval()
    return Start(model, plan, restrict_groups(groups, plan), _scores_of(prepared, plan, folder))


def _scores_of(prepared: Prepared, plan: Plan, folder: Path) -> dict[str, Tensor]:
    """The scores that the parent's training left, else those of the dense model."""
    if (folder / _SCORES).is_file():
        left = read_json(folder / _SCORES)
        return {name: torch.tensor(scores) for name, scores in left.items()}
    kept = remaining(prepared.outline.groups.prunable, plan)
    return {name: scores[list(kept[name])] for name, scores in prepared.scores.items()}


def train(prepared: Prepared, job: Job, start: Start) -> Trained:
    """Prune to the job's widths and fine-tune, as the schedule says."""
    if prepared.outline.settings.schedule.name == "gradual":
        return _train_under_masks(prepared, job, start)
    return _train_in_stages(prepared, job, start)


def _train_in_stages(prepared: Prepared, job: Job, start: Start) -> Trained:
    """Prune a share of the plan, fine-tune, score what is left, prune the next share ..."""
    task, settings = prepared.outline, prepared.outline.settings
    dense_groups = task.groups.prunable
    model, plan, groups, scores = start.model, start.plan, start.groups, start.scores
    curve: tuple[EpochRecord, ...] = ()
    gates = None
    for number, stage in enumerate(stages(settings.schedule, _epochs_of(prepared, job))):
        if number > 0:
            scorer = build(settings.scorer, seed=job.seed)
            scores = scorer(model, groups, training_batches(task))
        widths = _widths_at(start.groups, job.widths, stage.share)
        step = make_plan(groups, scores, widths)
        model = _prune(model, groups, step, task.example)
        plan, groups = compose(dense_groups, plan, step), restrict_groups(groups, step)
        _recalibrate(prepared, model)
        gates = GateScores(model, groups) if _gathers(settings) and stage.epochs else None
        curve += _finetune(
            prepared, model, job, stage.epochs, first_epoch=len(curve) + 1, gates=gates
        )
    return Trained(model, plan, curve, gates.scores() if gates else {})


def _gathers(settings: Settings) -> bool:
    """Whether the search goes by what trainings say of their channels."""
    return settings.search is not None and settings.search.strategy == "auto"


def _train_under_masks(prepared: Prepared, job: Job, start: Start) -> Trained:
    """Train the model whole under masks that grow along the cubic curve, then prune for real."""
    task, settings = prepared.outline, prepared.outline.settings
    groups = start.groups
    model = copy.deepcopy(start.model)

    def masks_at(share: float) -> dict[str, Tensor]:
        widths = _widths_at(groups, job.widths, share)
        return mask_tensors(model, groups, make_plan(groups, start.scores, widths))

    masks = MaskSchedule(masks_at, ramp=settings.schedule.ramp)
    curve = _finetune(prepared, model, job, _epochs_of(prepared, job), masks=masks)
    step = make_plan(groups, start.scores, job.widths)
    pruned = _prune(model, groups, step, task.example)
    return Trained(pruned, compose(task.groups.prunable, start.plan, step), curve)


def _prune(model: nn.Module, groups: Sequence[Group], plan: Plan, example: Tensor) -> nn.Module:
    """The smaller model, proved equal to the masked one."""
    pruned = apply_plan(model, groups, plan)
    check_equivalence(masked_model(model, groups, plan), pruned, example)
    return pruned


def _recalibrate(prepared: Prepared, model: nn.Module) -> None:
    limit = prepared.finetune.recalibration_batches
    recalibrate_batchnorm(
        model, (inputs for inputs, _ in training_batches(prepared.outline, limit))
    )


def _finetune(
    prepared: Prepared,
    model: nn.Module,
    job: Job,
    epochs: float,
    *,
    first_epoch: int = 1,
    masks: MaskSchedule | None = None,
    gates: GateScores | None = None,
) -> tuple[EpochRecord, ...]:
    task = prepared.outline
    # Of a single round there is nothing to choose: a glance at the validation data will do.
    val_loader = task.data.val_dataloader()
    if epochs <= 1:
        val_loader = Beginning(val_loader, _GLANCE)
    result = fit(
        model,
        train_loader=task.data.train_dataloader(),
        val_loader=val_loader,
        settings=_for_size(prepared, job),
        epochs=epochs,
        seed=job.seed,
        device=task.device,
        teacher=prepared.teacher,
        masks=masks,
        on_gradients=gates,
        first_epoch=first_epoch,
    )
    return result.curve


def _for_size(prepared: Prepared, job: Job) -> FinetuneSettings:
    """The settings with the peak learning rate for a model of this size: small ones take more."""
    task, finetune = prepared.outline, prepared.finetune
    share = task.size.cost(job.widths).macs / task.cost_of({}).macs
    return replace(finetune, learning_rate=finetune.learning_rate * share**-finetune.rate_growth)


def _widths_at(groups: Sequence[Group], widths: Mapping[str, int], share: float) -> dict[str, int]:
    """The widths when a share of what is to go is gone; exactly `widths` at share 1."""
    return {g.name: g.width - round(share * (g.width - widths[g.name])) for g in groups}
