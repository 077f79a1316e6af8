"""A picked trial trained for longer, and trained again with other seeds.

The best of many noisy validation scores is flattered. What training it anew gives, and by how much
seeds differ, tells by how much.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from torch import nn

from paretoprune.config import FinetuneSettings
from paretoprune.data import to_device
from paretoprune.files import read_json
from paretoprune.finetune import fit
from paretoprune.forms import rebuild_trial
from paretoprune.lineage import lineage
from paretoprune.prepare import Prepared, make_teacher
from paretoprune.pruning import Plan
from paretoprune.results import EpochRecord, Job, TrialResult
from paretoprune.targets import build
from paretoprune.trial import run_trial

_SEED_STEP = 100_003  # a prime beyond the number of trials, which take the seeds that follow
_SEEDS = 2**31


def train_longer(
    prepared: Prepared, model: nn.Module, settings: FinetuneSettings, *, seed: int
) -> tuple[EpochRecord, ...]:
    """Train a pruned model in place; it keeps the weights it came with if none are better."""
    task = prepared.outline
    teacher = None
    if settings.distillation > 0:
        teacher = prepared.teacher or make_teacher(task, prepared.dense)
    return fit(
        model,
        train_loader=task.data.train_dataloader(),
        val_loader=task.data.val_dataloader(),
        settings=settings,
        epochs=settings.epochs,
        seed=seed,
        device=task.device,
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


def reseeded(prepared: Prepared, seed: int) -> Prepared:
    """The same with another order and augmentation of the training images; the parts stay."""
    task = prepared.outline
    pretrained = task.settings.model.weights is not None
    data = build(task.settings.data, seed=seed, pretrained=pretrained)
    to_device(data, task.device)
    task = replace(task, data=data)
    # The cached answers of a teacher are to the images as they were augmented.
    teacher = make_teacher(task, prepared.dense) if prepared.teacher else None
    return replace(prepared, outline=task, teacher=teacher)


def train_again(
    prepared: Prepared,
    trial: TrialResult,
    results: Mapping[int, TrialResult],
    *,
    seed: int,
    folder: Path,
) -> nn.Module:
    """The trial and all that it stems from, trained from the dense model with another seed.

    The recipe is that of the trial: epochs, rungs, nested networks, schedule and learning rate.
    `prepared` is `reseeded`. `folder` receives the weights of each. The architecture is that of
    the trial.
    """
    settings = prepared.outline.settings
    untimed = replace(settings, measure=replace(settings.measure, latency=False))
    prepared = replace(prepared, outline=replace(prepared.outline, settings=untimed))
    for job in jobs_again(trial, results, seed=seed):
        run_trial(prepared, job, folder=folder / f"{job.number:04d}")
    last = folder / f"{trial.number:04d}"
    plan = Plan.from_json(read_json(last / "plan.json"))
    groups = prepared.outline.groups
    return rebuild_trial(prepared.dense, groups, plan, last / "model.safetensors").eval()
