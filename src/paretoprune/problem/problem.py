"""The compression problem before any training: data, architecture, groups, exact sizes.

All mistakes in the user's model or data are detected here, before work begins.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch
from lightning import LightningDataModule
from lightning.pytorch.utilities.seed import isolate_rng
from torch import nn

from paretoprune.config.instantiate import build
from paretoprune.config.settings import Settings
from paretoprune.data import contents_of, describe, to_device
from paretoprune.data.data_info import first_batch, loaders_of, prepare
from paretoprune.errors import SettingsError
from paretoprune.models import load_weights
from paretoprune.models.generation_cache import disable_cache
from paretoprune.models.requirements import check_network, initialise_lazy
from paretoprune.problem.costs import Costs
from paretoprune.problem.fingerprint import fingerprint_of, for_groups
from paretoprune.problem.measured_qualities import check_qualities
from paretoprune.problem.network_outputs import outputs_of, refuse_not_finite, same_weights
from paretoprune.problem.optimizers import with_optimizers
from paretoprune.problem.search_space import SearchSpace, find_search_space
from paretoprune.problem.sources import Configured, Sources
from paretoprune.problem.step_memory import batch_size_of, check_step_memory
from paretoprune.problem.task_data import TaskData
from paretoprune.pruning.groups import Groups
from paretoprune.results import DataInfo
from paretoprune.storage.cache import DiskCache
from paretoprune.storage.fingerprint import Fingerprint
from paretoprune.tasks.bound import TaskBatch
from paretoprune.tasks.guess import Auto, name_of
from paretoprune.tasks.inputs import Inputs
from paretoprune.tasks.interface import Task
from paretoprune.tasks.stand_in import arguments_of

_NUM_EXAMPLES = 8  # real inputs on which candidates are verified against the masked dense model


@dataclass(frozen=True)
class Notes:
    """Remarks about the data, logged before the dense model is trained."""

    task: str  # the task that was guessed, and why; empty if the settings name it
    data: tuple[str, ...]  # warnings


@dataclass(frozen=True)
class ProblemCache:
    """The cache of results computed for a problem, and the key of their entries."""

    disk: DiskCache  # written once the work begins
    fingerprint: Fingerprint  # everything besides the settings that affects results


@dataclass(frozen=True)
class Problem:
    """The compression problem: a model, its data, the prunable groups and exact sizes, untrained.

    Made once per sweep by `make_problem`, which reports all mistakes in the user's model or data,
    and shared by all trials. A candidate is given by ratios or widths of groups; `costs` has its
    size. Nothing in a problem changes during a sweep: trials work on copies of `model`. A function
    that needs a part of it takes that part alone.
    """

    settings: Settings
    sources: Sources  # of the model and the data, where either is needed again
    model: nn.Module  # with the given weights, otherwise untrained
    data: TaskData
    costs: Costs  # of candidates
    cache: ProblemCache
    notes: Notes

    @property
    def task(self) -> Task:
        """The task of the data."""
        return self.data.task

    @property
    def info(self) -> DataInfo:
        """The summary of the data."""
        return self.data.info

    @property
    def example(self) -> Inputs:
        """8 real validation inputs."""
        return self.data.example

    @property
    def device(self) -> torch.device:
        """The device of the model and the data."""
        return self.data.device

    @property
    def fingerprint(self) -> Fingerprint:
        """Everything besides the settings that affects results."""
        return self.cache.fingerprint

    @property
    def disk(self) -> DiskCache:
        """The cache of results on disk."""
        return self.cache.disk

    @property
    def space(self) -> SearchSpace:
        """The search space: groups, ranks and exact sizes."""
        return self.costs.space

    @property
    def groups(self) -> Groups:
        """The prunable groups, and the groups that are never pruned."""
        return self.space.groups


def make_problem(settings: Settings, sources: Sources | None = None) -> Problem:
    """Load the data, build the model, find and verify the groups. Writes nothing.

    `sources` gives model and data; by default the settings' `_target_`s do.

    Raises DataError, SettingsError, WeightsError or PruningError.
    """
    sources = sources or Configured(settings)
    device = choose_device(settings)
    seed_all(settings.seed)  # a user's own data module may split its data at random
    data = sources.data(settings.seed)
    prepare(data)
    task, guess = _task(settings, sources, data)
    check_qualities(settings, task)
    info = describe(data, task)
    contents = contents_of(data, task)
    to_device(data, device)
    first = TaskBatch(task, first_batch(data))
    samples = first[:_NUM_EXAMPLES].to(device)
    example = samples.inputs
    model = _build_model(sources, settings.seed, task.fits(info), example)
    info = replace(
        info,
        arguments=arguments_of(example, list(example.tensors_of(model))),
        offered=_plain(task.fits(info)),
    )
    outputs = _load_and_run(model, settings, sources, task.fits(info), example)
    model.to(device)
    check_network(model, samples, info)
    settings = with_optimizers(settings, task, model)
    batch_size = batch_size_of(loaders_of(data)["train"], usual=len(first))
    check_step_memory(model, samples, batch_size, settings, device)
    fingerprint = fingerprint_of(settings, data, model, task, contents=contents, outputs=outputs)
    disk_cache = DiskCache(settings.cache_dir)
    known = for_groups(fingerprint, example)
    space = find_search_space(model, example, settings, fingerprint=known, disk_cache=disk_cache)
    return Problem(
        settings,
        sources,
        model,
        TaskData(data, task, info, example, device),
        Costs(space, settings.sparsity),
        ProblemCache(disk_cache, fingerprint),
        Notes(guess, (*filter(None, [info.caution]), *contents.cautions)),
    )


def _load_and_run(
    model: nn.Module,
    settings: Settings,
    sources: Sources,
    offered: Mapping[str, object],
    example: Inputs,
) -> tuple[float, ...] | None:
    """Load the given weights into the model and return its outputs, a part of the fingerprint.

    None for initial weights that are drawn without the seed: they say nothing about what has
    changed.
    """
    if settings.model.weights:
        load_weights(model, settings.model.weights)
    refuse_not_finite(model)
    if settings.model.weights or same_weights(
        model, _build_model(sources, settings.seed, offered, example)
    ):
        return outputs_of(model, example)
    return None


def fresh_model(problem: Problem) -> nn.Module:
    """Return the model with the initial weights from which the dense model was trained."""
    offered = problem.task.fits(problem.info)
    model = _build_model(problem.sources, problem.settings.seed, offered, problem.example)
    return model.to(problem.device).eval()


def choose_device(settings: Settings) -> torch.device:
    """Return the device named by the settings; `auto` selects CUDA if available."""
    if settings.device == "cuda" and not torch.cuda.is_available():
        raise SettingsError(["`device=cuda`: torch sees no CUDA device; use `device=cpu`"])
    if settings.device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(settings.device)


def seed_all(seed: int) -> None:
    """Seed every generator that a model's initialisation or training may use."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def _task(settings: Settings, sources: Sources, data: LightningDataModule) -> tuple[Task, str]:
    """Return the task of the settings, completed by the model, and the reason if it was inferred.

    `auto` is the task of the first batch, or of the model's class.

    Raises SettingsError or DataError if there is none.
    """
    task, guess = sources.task or build(settings.task), ""
    with isolate_rng(include_cuda=False):  # a user's loader may shuffle
        if isinstance(task, Auto):
            task, reason = task.choose(first_batch(data), sources.model_type)
            guess = f"{name_of(task)} ({reason})"
        seed_all(settings.seed)
        loaders = loaders_of(data)
        found = cast(Task, task).for_model(lambda: sources.model({}), loaders).fitted(loaders)
    return found, guess


def _plain(offered: Mapping[str, object]) -> dict[str, object]:
    """Return the values that JSON can hold; an exported model is built from them."""
    kinds = (bool, int, float, str, list, tuple, type(None))
    return {name: value for name, value in offered.items() if isinstance(value, kinds)}


def _build_model(
    sources: Sources, seed: int, offered: Mapping[str, object], example: Inputs
) -> nn.Module:
    seed_all(seed)
    model = disable_cache(sources.model(offered))
    before = {name for name, _ in model.named_parameters()}
    model = initialise_lazy(model, example.cpu())
    if sources.is_given:
        _refuse_untrained([name for name, _ in model.named_parameters() if name not in before])
    return model


def _refuse_untrained(new: Sequence[str]) -> None:
    """Raise SettingsError for parameters that a given model makes in its first forward pass."""
    if new:
        raise SettingsError(
            [
                f"`{new[0]}` of `model` is made by its first forward pass, and has no trained "
                "values: call the model once on an example and train it, since its weights are "
                "those that are pruned"
            ]
        )
