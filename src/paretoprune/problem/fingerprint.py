"""The fingerprint of a task: data, code, given weights, versions and the network's outputs."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, replace

from lightning import LightningDataModule
from torch import Tensor, nn

from paretoprune.config.settings import Settings
from paretoprune.config.target import Target
from paretoprune.data import digest_of_tensor
from paretoprune.storage.atomic import digest_of
from paretoprune.storage.fingerprint import Fingerprint, digest_json
from paretoprune.storage.source_code import source_of

_ALWAYS = ("torch", "torchvision", "timm")  # whose versions count in any case


def fingerprint_of(
    settings: Settings,
    data: LightningDataModule,
    model: nn.Module,
    *,
    contents: Mapping[str, str],
    outputs: tuple[float, ...] | None,
) -> Fingerprint:
    """All that the results of a sweep depend on beside its settings.

    `contents` are the digests of the data, `outputs` those of the network before any training.
    """
    targets = (settings.model.target, settings.data, settings.scorer)
    strategy = settings.search.strategy if settings.search else None
    paths = [path for target in (*targets, strategy) if target for path in _paths(target)]
    source = source_of({*_homes(paths), *_classes(model), *_bases(data), *_ALWAYS})
    weights = settings.model.weights
    return Fingerprint(
        settings={
            "model": digest_json(asdict(settings.model.target)),
            "data": digest_json(asdict(settings.data)),
            "seed": str(settings.seed),
        },
        data=contents,
        code=source.digests,
        network={
            "shapes of the weights": digest_json(
                {name: _shape(tensor) for name, tensor in model.state_dict().items()}
            ),
            **({"given weights": digest_of(weights)} if weights else {}),
        },
        versions=source.versions,
        outputs=outputs,
    )


def for_groups(problem: Fingerprint, example: Tensor) -> Fingerprint:
    """What the groups depend on: the network, and the inputs that it is traced with."""
    return replace(problem, data={"first validation inputs": digest_of_tensor(example)})


def for_training(problem: Fingerprint) -> Fingerprint:
    """What a trained network depends on: all but the test part."""
    data = {name: digest for name, digest in problem.data.items() if not name.startswith("test ")}
    return replace(problem, data=data)


def for_times(problem: Fingerprint) -> Fingerprint:
    """What times depend on: the network, whatever its weights."""
    settings = {"model": problem.settings["model"]}
    return replace(problem, settings=settings, data={}, network={}, outputs=None)


def _shape(tensor: Tensor) -> object:
    lazy = isinstance(tensor, nn.UninitializedParameter | nn.UninitializedBuffer)
    return None if lazy else list(tensor.shape)


def _paths(target: Target) -> Iterator[str]:
    """The dotted paths of a target and of those among its arguments."""
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
    """The modules that dotted paths name, and those where what they name is defined.

    What they name has been built already, so the modules are loaded.
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


def _bases(data: LightningDataModule) -> Iterator[str]:
    yield from _bases_of(type(data))


def _bases_of(kind: type) -> Iterator[str]:
    for base in kind.__mro__:
        yield from _module_of(base)


def _module_of(located: object) -> Iterator[str]:
    name = getattr(located, "__module__", None)
    if isinstance(name, str):
        yield name
