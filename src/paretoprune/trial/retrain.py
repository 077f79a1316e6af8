"""A picked trial trained for longer, and trained again with other seeds.

The best of many noisy validation scores is flattered. What training it anew gives, and by how much
seeds differ, tells by how much.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from torch import nn

from paretoprune.config.groups.finetune import FinetuneSettings
from paretoprune.data import to_device
from paretoprune.finetune.fit import fit
from paretoprune.lineage import lineage
from paretoprune.problem.forms import rebuild_trial
from paretoprune.pruning.structured.plan import Plan
from paretoprune.results import EpochRecord, Job, TrialResult
from paretoprune.storage.atomic import read_json
from paretoprune.trial.context import TrialContext, make_teacher
from paretoprune.trial.run import run_trial

_SEED_STEP = 100_003  # a prime beyond the number of trials, which take the seeds that follow
_SEEDS = 2**31


def train_longer(
    context: TrialContext, model: nn.Module, settings: FinetuneSettings, *, seed: int
) -> tuple[EpochRecord, ...]:
    """Train a pruned model in place; it keeps the weights it came with if none are better."""
    problem = context.problem
    teacher = None
    if settings.distillation > 0:
        teacher = context.teacher or make_teacher(problem, context.dense)
    return fit(
        model,
        train_loader=problem.data.train_dataloader(),
        val_loader=problem.data.val_dataloader(),
        settings=settings,
        epochs=settings.epochs,
        seed=seed,
        device=problem.device,
        teacher=teacher,
        evaluate_start=True,
    ).curve


def nth_seed(trial: TrialResult, index: int) -> int:
    """The seed of the trial's repetition number `index`, counted from 1."""
    return (trial.seed + index * _SEED_STEP) % _SEEDS


def jobs_again(trial: TrialResult, results: Mapping[int, TrialResult], *, seed: int) -> list[Job]:
    """The jobs of the trial and of all that it stems from, for the same recipe with other seeds.

    The trial itself gets `seed`; the seeds of the others differ from it as they did before.
    """
    return [
        replace(member.job, seed=(seed + member.seed - trial.seed) % _SEEDS)
        for member in lineage(trial, results)
    ]


def reseeded(context: TrialContext, seed: int) -> TrialContext:
    """The same with another order and augmentation of the training images; the parts stay."""
    problem = context.problem
    data = problem.sources.data(seed)
    to_device(data, problem.device)
    problem = replace(problem, data=data)
    # The cached answers of a teacher are to the images as they were augmented.
    teacher = make_teacher(problem, context.dense) if context.teacher else None
    return replace(context, problem=problem, teacher=teacher)


def train_again(
    context: TrialContext,
    trial: TrialResult,
    results: Mapping[int, TrialResult],
    *,
    seed: int,
    folder: Path,
) -> nn.Module:
    """The trial and all that it stems from, trained from the dense model with another seed.

    The recipe is that of the trial: epochs, rungs, nested networks, schedule and learning rate.
    `context` is `reseeded`. `folder` receives the weights of each. The architecture is that of
    the trial.
    """
    settings = context.problem.settings
    untimed = replace(settings, measure=replace(settings.measure, latency=False))
    context = replace(context, problem=replace(context.problem, settings=untimed))
    for job in jobs_again(trial, results, seed=seed):
        run_trial(context, job, folder=folder / f"{job.number:04d}")
    last = folder / f"{trial.number:04d}"
    plan = Plan.from_json(read_json(last / "plan.json"))
    groups = context.problem.groups
    return rebuild_trial(context.dense, groups, plan, last / "model.safetensors").eval()
