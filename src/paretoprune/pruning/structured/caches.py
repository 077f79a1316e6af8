"""Caches: dicts of tensors outside the state dict, filled by a forward pass, often from weights.

Position biases of attention by device are an example. What was worked out from weights that are
others now must go; dicts of constants, which no forward pass fills again, must stay.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from paretoprune.pruning.structured.apply import copy_with
from paretoprune.pruning.structured.equivalence import run
from paretoprune.pruning.structured.layers import empty_caches

_OWN = frozenset(vars(nn.Module()))  # the dicts that every module has


@torch.no_grad()
def find_caches(model: nn.Module, inputs: Sequence[Tensor]) -> tuple[str, ...]:
    """The dicts that a forward pass fills again once they are empty, as `module.attribute`.

    None where the model does not run on the inputs. The model stays as it is.
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
    """The caches of modules that hold one of the tensors, themselves or in a part of theirs."""
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


def _refills(working: nn.Module, inputs: Sequence[Tensor], names: Sequence[str]) -> bool:
    """Whether a forward pass fills all of these dicts again; they are as they were afterwards."""
    places = [(working.get_submodule(n.rpartition(".")[0]), n.rpartition(".")[2]) for n in names]
    before = [getattr(module, name) for module, name in places]
    empty_caches(working, names)
    try:
        return _runs(working, inputs) and all(getattr(module, name) for module, name in places)
    finally:
        for (module, name), value in zip(places, before, strict=True):
            setattr(module, name, value)


def _runs(model: nn.Module, inputs: Sequence[Tensor]) -> bool:
    try:
        run(model, inputs)
    except Exception:
        return False
    return True
