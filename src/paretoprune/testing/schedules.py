"""The contract of a schedule, asserted on a small network and random data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from paretoprune.config.compose import compose_options
from paretoprune.config.instantiate import build
from paretoprune.config.load import load_settings
from paretoprune.config.target import Target
from paretoprune.data.given import as_datamodule
from paretoprune.problem.problem import make_problem
from paretoprune.problem.sources import Given
from paretoprune.results import Job
from paretoprune.trial.context import TrialContext, make_context
from paretoprune.trial.schedules.interface import Schedule, Trained

_NUM_CLASSES = 3
_RATIO = 0.5
_OPTIONS = {
    "model.train.epochs": 2,
    "finetune.epochs": 1,
    "finetune.tune_learning_rate": False,
    "finetune.recalibration_batches": 1,
    "measure.latency": False,
    "sparsity.divisor": 1,
    "tracking": "none",
}


def check_schedule(schedule: Target, folder: Path, *, granularity: str = "channels") -> None:
    """Raise AssertionError if a schedule breaks its contract.

    `Target(path="my_package.Mine", trust=["my_package"])` names a class as `schedule._target_`
    does; `arguments` are its options. `granularity` is one that the schedule accepts. `folder` is
    empty; the trained dense model is cached there. The settings are checked first, so SettingsError
    is raised for options that are wrong.

    The returned model has the widths of the job, the same call gives the same model, and the epochs
    of the curve are numbered from 1. The dense model and the start of the trial keep their weights
    and modes, and no model keeps gradients or hooks.
    """
    context = _context(schedule, folder, granularity)
    check_trials(context, _job(context))


def check_trials(context: TrialContext, job: Job) -> None:
    """Run a job twice in a context, by the schedule of its settings, and check both."""
    before = {name: t.clone() for name, t in context.start.model.state_dict().items()}
    first, second = carry_out(context, job), carry_out(context, job)
    assert first.candidate.widths() == job.widths, (
        f"the model has widths {first.candidate.widths()}, asked were {dict(job.widths)}"
    )
    _check_equal(first.candidate.model, second.candidate.model.state_dict(), "not deterministic")
    numbers = [record.epoch for record in first.curve]
    assert numbers == [*range(1, len(numbers) + 1)], f"epochs are numbered {numbers}"
    _check_equal(context.start.model, before, "the start of the trial was changed")
    for model in (context.dense.model, context.start.model, first.candidate.model):
        assert not any(module.training for module in model.modules()), "a model is in training mode"
        assert not any(map(_num_hooks, model.modules())), "hooks are left"
    for model in (context.dense.model, context.start.model):
        assert all(p.grad is None for p in model.parameters()), "gradients are left"
        assert all(p.requires_grad for p in model.parameters()), "parameters were frozen"


def carry_out(context: TrialContext, job: Job) -> Trained:
    """Return what the schedule of the settings makes of a job that starts from the dense model."""
    schedule: Schedule = build(context.settings.schedule)
    return schedule(context, job, context.start)


def _context(schedule: Target, folder: Path, granularity: str) -> TrialContext:
    options = {**_OPTIONS, "granularity": granularity, "cache_dir": str(folder)}
    config: dict[str, Any] = {
        **compose_options(options),
        "schedule": {"_target_": schedule.path, **schedule.arguments},
    }
    settings = load_settings(config, trust=schedule.trusted)
    data = as_datamodule((_loader(seed=0), _loader(seed=1)))
    return make_context(make_problem(settings, Given(_network(), data)))


def _job(context: TrialContext) -> Job:
    ratios = {group.name: _RATIO for group in context.groups.prunable}
    costs = context.costs
    return Job(1, "test", ratios, costs.widths_of(ratios), seed=3)


def _check_equal(model: nn.Module, state: dict[str, Tensor], message: str) -> None:
    assert all(torch.equal(state[n], t) for n, t in model.state_dict().items()), message


def _num_hooks(module: nn.Module) -> int:
    hooks: Sequence[Any] = (
        module._forward_hooks,
        module._forward_pre_hooks,
        module._backward_hooks,
    )
    return sum(map(len, hooks))


def _network() -> nn.Module:
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(3, 6, 3, padding=1),
            nn.BatchNorm2d(6),
            nn.ReLU(),
            nn.Conv2d(6, 8, 3, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(8, _NUM_CLASSES),
        )


def _loader(*, seed: int) -> DataLoader[tuple[Tensor, ...]]:
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(24, 3, 8, 8, generator=generator)
    labels = torch.arange(24) % _NUM_CLASSES
    return DataLoader(TensorDataset(inputs, labels), batch_size=8)
