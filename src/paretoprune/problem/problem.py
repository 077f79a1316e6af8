"""The compression problem before any training: data, architecture, groups, exact sizes.

All mistakes in the user's model or data are detected here, before work begins.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import cast

import numpy as np
import torch
from lightning import LightningDataModule
from lightning.pytorch.utilities.seed import isolate_rng
from torch import nn

from paretoprune.config.instantiate import build
from paretoprune.config.settings import Settings
from paretoprune.data import Contents, contents_of, describe, to_device
from paretoprune.data.data_info import first_batch, loaders_of, prepare
from paretoprune.errors import SettingsError
from paretoprune.measure.latency.forecast import Forecast
from paretoprune.models import load_weights
from paretoprune.models.generation_cache import disable_cache
from paretoprune.models.requirements import check_network, initialise_lazy
from paretoprune.problem.fingerprint import fingerprint_of, for_groups
from paretoprune.problem.measured_qualities import check_qualities
from paretoprune.problem.network_outputs import outputs_of, refuse_not_finite, same_weights
from paretoprune.problem.search_space import SearchSpace, find_search_space
from paretoprune.problem.sources import Configured, Sources
from paretoprune.problem.step_memory import check_step_memory
from paretoprune.problem.widths import Rounding, cap_of, rounding_of
from paretoprune.pruning.groups import Groups
from paretoprune.pruning.structured.size import SizeModel
from paretoprune.results import Cost, DataInfo
from paretoprune.storage.cache import DiskCache
from paretoprune.storage.fingerprint import Fingerprint
from paretoprune.tasks.bound import TaskBatch
from paretoprune.tasks.guess import Auto, name_of
from paretoprune.tasks.inputs import Inputs
from paretoprune.tasks.interface import Task
from paretoprune.tasks.stand_in import arguments_of

_NUM_EXAMPLES = 8  # real inputs on which candidates are verified against the masked dense model


@dataclass(frozen=True)
class Problem:
    """The compression problem: a model, its data, the prunable groups and exact sizes, untrained.

    Made once per sweep by `make_problem` and shared by all trials. A candidate is given as ratios
    (share to remove, in [0, 1)) or widths (channels to keep), both by group name; its cost is
    computed without building a model. Parameters and MACs are exact; the latency, in milliseconds,
    is a prediction.
    """

    settings: Settings
    sources: Sources  # of the model and the data, where either is needed again
    device: torch.device
    data: LightningDataModule
    task: Task  # what the batches mean
    info: DataInfo
    model: nn.Module  # with the given weights, otherwise untrained
    example: Inputs  # 8 real validation inputs
    space: SearchSpace
    contents: Contents  # digests of the data, and warnings about it
    fingerprint: Fingerprint  # everything besides the settings that affects results
    disk_cache: DiskCache  # results computed so far; written once the work begins
    forecast: Forecast | None = None  # latency table, if the settings need one
    guess: str = ""  # the task that was guessed, and why; empty if the settings name it

    @property
    def groups(self) -> Groups:
        """The prunable groups, and the groups that are never pruned."""
        return self.space.groups

    def widths_of(self, ratios: Mapping[str, float]) -> dict[str, int]:
        """Return the channels to keep in each group, rounded according to the settings."""
        return self._rounding(ratios)

    @cached_property
    def _rounding(self) -> Rounding:
        return rounding_of(self.space, self.settings.sparsity)

    def cap_of(self, name: str) -> float:
        """Return the maximum ratio of a group; rounding never exceeds it."""
        return cap_of(self.settings.sparsity.caps, name)

    def cost_of(self, ratios: Mapping[str, float]) -> Cost:
        """Return the exact parameters and MACs of a candidate, and its predicted latency if
        available."""
        return self.cost_at(self.widths_of(ratios))

    def cost_at(self, widths: Mapping[str, int]) -> Cost:
        """Return the cost for given widths; absent groups are complete."""
        size = self.space.size
        cost = size.cost(widths)
        if self.forecast is None or not isinstance(size, SizeModel):
            return cost
        return replace(
            cost,
            latency_ms=self.forecast.latency_ms(size.sizes(widths), size.blocks_gone(widths)),
            latency_error=self.forecast.check.worst_error,
        )

    def quantity_of(self, ratios: Mapping[str, float], name: str) -> float:
        """Return `params`, `macs`, `bytes` or `latency` of a candidate.

        Bytes are exact to within a few bytes of the file header.
        """
        return self.size_at(self.widths_of(ratios), name)

    def size_at(self, widths: Mapping[str, int], name: str) -> float:
        """Return the same quantities for given widths; absent groups are complete."""
        if name == "bytes":
            return self.space.file.bytes_of(widths)
        quantity = "latency_ms" if name == "latency" else name
        return float(getattr(self.cost_at(widths), quantity))


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
    samples = TaskBatch(task, first_batch(data))[:_NUM_EXAMPLES].to(device)
    example = samples.inputs
    model = _build_model(sources, settings.seed, task.fits(info), example)
    info = replace(
        info,
        arguments=arguments_of(example, list(example.tensors_of(model))),
        offered=_plain(task.fits(info)),
    )
    if settings.model.weights:
        load_weights(model, settings.model.weights)
    refuse_not_finite(model)
    given = settings.model.weights is not None
    reproducible = given or same_weights(
        model, _build_model(sources, settings.seed, task.fits(info), example)
    )
    # Initial weights that are drawn without the seed say nothing about what has changed.
    outputs = outputs_of(model, example) if reproducible else None
    model.to(device)
    check_network(model, samples, info)
    check_step_memory(model, samples, loaders_of(data)["train"], device)
    fingerprint = fingerprint_of(
        settings, data, model, task, contents=contents.digests, outputs=outputs
    )
    disk_cache = DiskCache(settings.cache_dir)
    known = for_groups(fingerprint, example)
    space = find_search_space(model, example, settings, fingerprint=known, disk_cache=disk_cache)
    return Problem(
        settings,
        sources,
        device,
        data,
        task,
        info,
        model,
        example,
        space,
        contents,
        fingerprint,
        disk_cache,
        guess=guess,
    )


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
    """Return the task of the settings, with what it takes from the model, and why it was guessed.

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
    """Return what can be kept as JSON; an exported model is built from it."""
    kinds = (bool, int, float, str, list, tuple, type(None))
    return {name: value for name, value in offered.items() if isinstance(value, kinds)}


def _build_model(
    sources: Sources, seed: int, offered: Mapping[str, object], example: Inputs
) -> nn.Module:
    seed_all(seed)
    return initialise_lazy(disable_cache(sources.model(offered)), example.cpu())
