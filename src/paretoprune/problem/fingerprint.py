"""The fingerprint of a problem: data, code, given weights, versions and network outputs."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, fields, is_dataclass, replace

import torch
from lightning import LightningDataModule
from torch import Tensor, nn

from paretoprune.config.groups.executor import ExecutorSettings
from paretoprune.config.groups.tracking import TrackingSettings
from paretoprune.config.settings import Settings
from paretoprune.config.target import Target
from paretoprune.data.digests.contents import Contents
from paretoprune.data.digests.sample_digests import digest_of_tensor
from paretoprune.problem.script_code import MAIN, script_code
from paretoprune.storage.atomic import digest_of
from paretoprune.storage.fingerprint import Fingerprint, digest_json
from paretoprune.storage.source_code import source_of
from paretoprune.tasks.inputs import Inputs
from paretoprune.tasks.interface import Task

_ALWAYS = ("torch", "torchvision", "timm")  # packages whose versions are always included


def fingerprint_of(
    settings: Settings,
    data: LightningDataModule,
    model: nn.Module,
    task: Task,
    *,
    contents: Contents,
    outputs: tuple[float, ...] | None,
) -> Fingerprint:
    """Return the fingerprint of everything besides the settings that affects a sweep's results.

    `contents` are the digests and the code of the data, `outputs` those of the network before any
    training.
    """
    paths = [path for target in _targets_in(settings) for path in _paths(target)]
    kinds = {*(type(module) for module in model.modules()), type(data), type(task)}
    defined = {*kinds, *task.functions, *contents.code}
    script = script_code(defined)
    modules = {*_homes(paths), *_modules_of(defined), *script.modules, *_ALWAYS}
    source = source_of(modules - {MAIN})
    weights = settings.model.weights
    return Fingerprint(
        settings={
            "model": digest_json(asdict(settings.model.target)),
            "data": digest_json(asdict(settings.data)),
            "seed": str(settings.seed),
            "task": repr(task),
        },
        data=contents.digests,
        code={**source.digests, **script.digests},
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


def _targets_in(value: object) -> Iterator[Target]:
    """Yield all targets of settings except those that change no result: executors and loggers."""
    if isinstance(value, Target):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _targets_in(one)
    elif is_dataclass(value) and not isinstance(value, ExecutorSettings | TrackingSettings):
        for field in fields(value):
            yield from _targets_in(getattr(value, field.name))


def _shape(tensor: Tensor) -> object:
    """Return the shape, and the type of numbers if it is not float32."""
    if isinstance(tensor, nn.UninitializedParameter | nn.UninitializedBuffer):
        return None
    shape = list(tensor.shape)
    usual = tensor.dtype == torch.float32 or not tensor.is_floating_point()
    return shape if usual else [*shape, str(tensor.dtype)]


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


def _modules_of(defined: Iterable[object]) -> Iterator[str]:
    """Yield the modules in which functions, and classes with their bases, are defined."""
    for one in defined:
        for base in getattr(one, "__mro__", (one,)):
            yield from _module_of(base)


def _module_of(located: object) -> Iterator[str]:
    name = getattr(located, "__module__", None)
    if isinstance(name, str):
        yield name
