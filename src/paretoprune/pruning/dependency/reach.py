"""Parameters that an input reaches, and further inputs for those that it does not reach.

A part that only some samples reach, as in a network with data-dependent routing, is missing from
the trace of other samples; its neighbours would lose channels that it needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from paretoprune.pruning.structured.apply import copy_with
from paretoprune.pruning.structured.equivalence import run
from paretoprune.pruning.structured.layers import empty_caches
from paretoprune.tasks.inputs import Example, Inputs, inputs_of

_SCALES = (10.0, 100.0, 1000.0, 0.1, 0.0)
_DRAWS = 8  # number of further random inputs


@dataclass(frozen=True)
class Reach:
    """Inputs that together use as many parameters as could be reached, and the unreached ones."""

    inputs: tuple[Inputs, ...]
    unreached: tuple[str, ...] = ()  # parameters that no tried input uses, in either mode


def find_reach(
    model: nn.Module, example: Example, *, seed: int, caches: Sequence[str] = ()
) -> Reach:
    """Return inputs that use the model's parameters: `example`, then others only if they use more.

    Other scales, signs and random draws are tried. Parameters that only training mode uses count as
    reached. The model should be a copy in evaluation mode on the CPU; `caches` are dicts that it
    fills from its parameters.
    """
    inputs = inputs_of(example)
    empty_caches(model, caches)
    missing = _names(model) - used_parameters(model, inputs)
    if missing:
        missing -= _used_in_training(model, inputs)
    chosen = [inputs]
    for further in _variants(inputs, seed) if missing else ():
        empty_caches(model, caches)
        if found := missing & _used_or_none(model, further):
            missing -= found
            chosen.append(further)
        if not missing:
            break
    return Reach(tuple(chosen), tuple(name for name in _ordered(model) if name in missing))


@torch.no_grad()
def used_parameters(model: nn.Module, inputs: Example) -> set[str]:
    """Return the names of the parameters that take part in a forward pass."""
    memory: dict[int, set[str]] = {}
    for name, parameter in model.named_parameters():
        memory.setdefault(parameter.untyped_storage().data_ptr(), set()).add(name)
    recorder = _Recorder()
    with recorder:
        run(model, inputs)
    return {name for one in recorder.used for name in memory.get(one, ())}


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Records the memory address of every tensor argument of an operation."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.used: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        for one in tree_leaves((args, kwargs)):
            if isinstance(one, Tensor):
                self.used.add(one.untyped_storage().data_ptr())
        return func(*args, **kwargs)


def _used_or_none(model: nn.Module, inputs: Inputs) -> set[str]:
    try:
        used = used_parameters(model, inputs)
        usable = all(bool(torch.isfinite(output).all()) for output in run(model, inputs))
        return used if usable else set()
    except Exception:
        return set()


def _used_in_training(model: nn.Module, inputs: Inputs) -> set[str]:
    try:
        return used_parameters(copy_with(model, {}, share=True).train(), inputs)
    except Exception:
        return set()


def _variants(inputs: Inputs, seed: int) -> Iterator[Inputs]:
    generator = torch.Generator().manual_seed(seed + 1)
    for scale in _SCALES:
        yield _scaled(inputs, scale)
    for sign in (1, -1):
        for scale in (1.0, *_SCALES[:3]):
            yield _scaled(inputs.map(_magnitude), sign * scale)
    for _ in range(_DRAWS):
        yield inputs.map(partial(_redrawn, generator=generator))


def _scaled(inputs: Inputs, scale: float) -> Inputs:
    return inputs.map(lambda one: scale * one if one.is_floating_point() else one)


def _magnitude(one: Tensor) -> Tensor:
    return one.abs() if one.is_floating_point() else one


def _redrawn(one: Tensor, generator: torch.Generator) -> Tensor:
    if one.is_floating_point():
        return torch.randn(one.shape, dtype=one.dtype, generator=generator)
    if one.dtype == torch.bool or one.numel() == 0:
        return one
    largest = int(one.max())  # indices up to this one are known to be valid
    return torch.randint(0, max(largest, 0) + 1, one.shape, generator=generator).to(one.dtype)


def _ordered(model: nn.Module) -> list[str]:
    return [name for name, parameter in model.named_parameters() if parameter.numel()]


def _names(model: nn.Module) -> set[str]:
    return set(_ordered(model))
