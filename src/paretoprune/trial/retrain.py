"""Retraining of a picked trial: longer, or with other seeds.

The best of many noisy validation scores is biased upwards (selection bias). Retraining with other
seeds gives an unbiased value and its spread.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from torch import nn

from paretoprune.config.groups.finetune import FinetuneSettings
from paretoprune.data import ImageTensors, to_device
from paretoprune.finetune.distillation import Teacher
from paretoprune.finetune.fit import fit
from paretoprune.finetune.training_run import TrainingRun
from paretoprune.lineage import lineage
from paretoprune.problem.forms import load_delivered
from paretoprune.pruning.structured.plan import Plan
from paretoprune.results import EpochRecord, Job, TrialResult
from paretoprune.storage.atomic import read_json
from paretoprune.trial.context import TrialContext, make_teacher
from paretoprune.trial.run import run_trial

_SEED_STEP = 100_003  # a prime larger than the number of trials, whose seeds are consecutive
_SEEDS = 2**31


def train_longer(
    context: TrialContext, model: nn.Module, settings: FinetuneSettings, *, seed: int
) -> tuple[EpochRecord, ...]:
    """Train a pruned model in place; its initial weights are kept if no epoch improves on them."""
    problem = context.problem
    teacher = None
    if settings.distillation > 0:
        teacher = context.training.teacher or _new_teacher(context)
    return fit(
        model,
        problem.task,
        TrainingRun(
            train_loader=problem.data.train_dataloader(),
            val_loader=problem.data.val_dataloader(),
            settings=settings,
            epochs=settings.epochs,
            seed=seed,
            device=problem.device,
            teacher=teacher,
            evaluate_start=True,
            trainer=problem.settings.trainer,
        ),
    ).curve


def nth_seed(trial: TrialResult, index: int) -> int:
    """Return the seed of the trial's repetition number `index`, counted from 1."""
    return (trial.seed + index * _SEED_STEP) % _SEEDS


def jobs_again(trial: TrialResult, results: Mapping[int, TrialResult], *, seed: int) -> list[Job]:
    """Return the jobs of the trial and its ancestors, with the same recipe and other seeds.

    The trial itself gets `seed`; differences between the seeds of the lineage are kept.
    """
    return [
        replace(member.job, seed=(seed + member.seed - trial.seed) % _SEEDS)
        for member in lineage(trial, results)
    ]


def reseeded(context: TrialContext, seed: int) -> TrialContext:
    """Return the context with another order and augmentation of the training data.

    The splits are kept. A user's own data module is kept as it is, since built again it could split
    its samples differently; its order and augmentation follow the generators that training seeds.
    """
    problem = context.problem
    if isinstance(problem.data.module, ImageTensors):
        module = problem.sources.data(seed)
        to_device(module, problem.device)
        problem = replace(problem, data=replace(problem.data, module=module))
    # A teacher's cached outputs belong to the augmented images of the earlier seed.
    context = replace(context, problem=problem)
    teacher = _new_teacher(context) if context.training.teacher else None
    return replace(context, training=replace(context.training, teacher=teacher))


def _new_teacher(context: TrialContext) -> Teacher:
    """Return a teacher without cached outputs."""
    return make_teacher(context.data, context.dense.model, context.settings.finetune)


def train_again(
    context: TrialContext,
    trial: TrialResult,
    results: Mapping[int, TrialResult],
    *,
    seed: int,
    folder: Path,
) -> nn.Module:
    """Train the trial and its ancestors from the dense model again, with another seed.

    The recipe is that of the trial: epochs, rungs, nested networks, schedule and learning rate.
    `context` comes from `reseeded`. `folder` receives the weights of each model. The architecture
    is that of the trial.
    """
    settings = context.settings
    untimed = replace(settings, measure=replace(settings.measure, latency=False))
    context = replace(context, problem=replace(context.problem, settings=untimed))
    for job in jobs_again(trial, results, seed=seed):
        run_trial(context, job, folder=folder / f"{job.number:04d}")
    last = folder / f"{trial.number:04d}"
    plan = Plan.from_json(read_json(last / "plan.json"))
    groups = context.problem.groups
    return load_delivered(context.dense.model, groups, plan, last / "model.safetensors").eval()
