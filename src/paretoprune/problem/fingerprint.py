"""The fingerprint of a problem: data, code, given weights, versions and network outputs."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any

from lightning import LightningDataModule
from torch import Tensor, nn

from paretoprune.config.settings import Settings
from paretoprune.config.target import Target
from paretoprune.data.digests.sample_digests import digest_of_tensor
from paretoprune.storage.atomic import digest_of
from paretoprune.storage.fingerprint import Fingerprint, digest_bytes, digest_json
from paretoprune.storage.source_code import source_of
from paretoprune.tasks.inputs import Inputs
from paretoprune.tasks.interface import Task

_ALWAYS = ("torch", "torchvision", "timm")  # packages whose versions are always included
_MAIN = "__main__"  # a script or notebook, which may change around the classes in it


def fingerprint_of(
    settings: Settings,
    data: LightningDataModule,
    model: nn.Module,
    task: Task,
    *,
    contents: Mapping[str, str],
    outputs: tuple[float, ...] | None,
) -> Fingerprint:
    """Return the fingerprint of everything besides the settings that affects a sweep's results.

    `contents` are the digests of the data, `outputs` those of the network before any training.
    """
    paths = [path for target in _targets(settings) for path in _paths(target)]
    modules = {
        *_homes(paths),
        *_classes(model),
        *_bases_of(type(data)),
        *_bases_of(type(task)),
        *(module for function in task.functions for module in _module_of(function)),
        *_ALWAYS,
    }
    source = source_of(modules - {_MAIN})
    weights = settings.model.weights
    return Fingerprint(
        settings={
            "model": digest_json(asdict(settings.model.target)),
            "data": digest_json(asdict(settings.data)),
            "seed": str(settings.seed),
            "task": repr(task),
        },
        data=contents,
        code={**source.digests, **main_classes(model, data, task)},
        network={
            "shapes of the weights": digest_json(
                {name: _shape(tensor) for name, tensor in model.state_dict().items()}
            ),
            **({"given weights": digest_of(weights)} if weights else {}),
        },
        versions=source.versions,
        outputs=outputs,
    )


def for_groups(problem: Fingerprint, example: Inputs) -> Fingerprint:
    """Restrict to what determines the groups: the network, and the inputs used for tracing."""
    digests = [digest_of_tensor(tensor) for tensor in example]
    return replace(problem, data={"first validation inputs": ", ".join(digests)})


def for_training(problem: Fingerprint) -> Fingerprint:
    """Restrict to what determines a trained network: everything except the test data."""
    data = {name: digest for name, digest in problem.data.items() if not name.startswith("test ")}
    return replace(problem, data=data)


def for_times(problem: Fingerprint) -> Fingerprint:
    """Restrict to what determines latencies: the network without its weights."""
    settings = {"model": problem.settings["model"]}
    return replace(problem, settings=settings, data={}, network={}, outputs=None)


def _targets(settings: Settings) -> Iterator[Target]:
    """Yield what settings name by `_target_` and results depend on."""
    yield from (settings.model.target, settings.data, settings.task)
    yield from (settings.scorer, settings.schedule, settings.granularity)
    if settings.search:
        yield settings.search.strategy
    if settings.quantization:
        yield settings.quantization
    yield from _of_training(settings)


def _of_training(settings: Settings) -> Iterator[Target]:
    """Yield the callbacks, optimizers and learning-rate schedulers that the settings name."""
    trainer = settings.trainer
    yield from trainer.callbacks.values()
    for training in (settings.finetune, settings.dense_training):
        for target in (training.optimizer, training.lr_scheduler):
            if isinstance(target, Target):
                yield target


def _shape(tensor: Tensor) -> object:
    lazy = isinstance(tensor, nn.UninitializedParameter | nn.UninitializedBuffer)
    return None if lazy else list(tensor.shape)


def _paths(target: Target) -> Iterator[str]:
    """Yield the dotted paths of a target and of the targets among its arguments."""
    yield target.path
    yield from _paths_in(target.arguments)


def _paths_in(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        if "_target_" in value:
            yield str(value["_target_"])
        value = list(value.values())
    if isinstance(value, list | tuple):
        for one in value:
            yield from _paths_in(one)


def _homes(paths: Iterable[str]) -> Iterator[str]:
    """Yield the modules named by dotted paths, and those in which the named objects are defined.

    The objects have been built already, so the modules are loaded.
    """
    for path in paths:
        parts = path.split(".")
        depth = max(n for n in range(len(parts) + 1) if not n or ".".join(parts[:n]) in sys.modules)
        located: object = sys.modules.get(".".join(parts[:depth]))
        for part in parts[depth:]:
            located = getattr(located, part, None)
        yield ".".join(parts[:depth]) or path
        yield from _module_of(located)


def _classes(model: nn.Module) -> Iterator[str]:
    for kind in {type(module) for module in model.modules()}:
        yield from _bases_of(kind)


def _bases_of(kind: type) -> Iterator[str]:
    for base in kind.__mro__:
        yield from _module_of(base)


def main_classes(
    model: nn.Module, data: LightningDataModule, task: Task | None = None
) -> dict[str, str]:
    """Digests of the classes, and functions of the task, that the running script or notebook itself
    defines, by their names.

    One whose source is not known, as of a class typed into a prompt, is left out.
    """
    kinds = {type(module) for module in model.modules()} | {type(data), type(task)}
    bases = {base for kind in kinds for base in kind.__mro__}
    found = {}
    defined: tuple[Any, ...] = (*bases, *(task.functions if task else ()))
    for base in defined:
        if base.__module__ == _MAIN:
            with suppress(OSError, TypeError):
                source = inspect.getsource(base).encode()
                found[f"{_MAIN}.{base.__qualname__}"] = digest_bytes(source)
    return dict(sorted(found.items()))


def _module_of(located: object) -> Iterator[str]:
    name = getattr(located, "__module__", None)
    if isinstance(name, str):
        yield name
