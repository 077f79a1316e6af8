"""Caches: dicts of tensors outside the state dict that a forward pass computes, often from weights.

An example are position biases of attention by device. Entries computed from weights that have
changed must be dropped; dicts of constants, which no forward pass fills again, must be kept.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from paretoprune.pruning.structured.apply import copy_with
from paretoprune.pruning.structured.equivalence import run
from paretoprune.pruning.structured.layers import empty_caches
from paretoprune.tasks.inputs import Example

_OWN = frozenset(vars(nn.Module()))  # attributes of every module


@torch.no_grad()
def find_caches(model: nn.Module, inputs: Example) -> tuple[str, ...]:
    """Return the dicts that a forward pass refills when emptied, as `module.attribute`.

    Empty if the model does not run on the inputs. The model is not changed.
    """
    if not any(_dicts_of(module) for module in model.modules()):
        return ()
    working = copy_with(model, {}, share=True).eval()
    if not _runs(working, inputs):
        return ()
    filled = [
        f"{path}.{name}".lstrip(".")
        for path, module in working.named_modules()
        for name, value in _dicts_of(module).items()
        if value
    ]
    if _refills(working, inputs, filled):
        return tuple(filled)
    return tuple(name for name in filled if _refills(working, inputs, [name]))


def caches_around(caches: Sequence[str], tensors: Iterable[str]) -> tuple[str, ...]:
    """Return the caches of modules that contain one of the tensors, directly or in a submodule."""
    owners = {cache: cache.rpartition(".")[0] for cache in caches}
    names = list(tensors)
    return tuple(
        cache
        for cache, owner in owners.items()
        if not owner or any(name.startswith(f"{owner}.") for name in names)
    )


def _dicts_of(module: nn.Module) -> dict[str, dict[object, object]]:
    return {
        name: value
        for name, value in vars(module).items()
        if type(value) in (dict, OrderedDict)
        and name not in _OWN
        and all(isinstance(one, Tensor) for one in value.values())
    }


def _refills(working: nn.Module, inputs: Example, names: Sequence[str]) -> bool:
    """Return True if a forward pass refills all of these dicts; afterwards restore them."""
    places = [(working.get_submodule(n.rpartition(".")[0]), n.rpartition(".")[2]) for n in names]
    before = [getattr(module, name) for module, name in places]
    empty_caches(working, names)
    try:
        return _runs(working, inputs) and all(getattr(module, name) for module, name in places)
    finally:
        for (module, name), value in zip(places, before, strict=True):
            setattr(module, name, value)


def _runs(model: nn.Module, inputs: Example) -> bool:
    try:
        run(model, inputs)
    except Exception:
        return False
    return True
