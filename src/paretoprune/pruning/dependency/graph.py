"""Dependency groups read from a forward pass in which each channel is followed as a symbol."""

from __future__ import annotations

import copy
import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from paretoprune.config.own.code import described
from paretoprune.errors import PruningError
from paretoprune.pruning.dependency.reach import Reach
from paretoprune.pruning.dependency.symbols import Numbers
from paretoprune.pruning.dependency.tracer import OUTPUT, MatmulCost, Trace, trace
from paretoprune.pruning.groups import Group, Groups, Slot
from paretoprune.pruning.structured.apply import copy_with
from paretoprune.pruning.structured.caches import caches_around, find_caches
from paretoprune.pruning.structured.equivalence import run
from paretoprune.pruning.structured.layers import empty_caches, output_dim
from paretoprune.pruning.tensor_names import (
    PARAMETRIZED,
    aliases_in,
    layer_of,
    sizes_of_channels,
    tied_names,
)
from paretoprune.results.groups import KeptGroup
from paretoprune.tasks.inputs import Example, inputs_of

_ONE = "all its channels depend on each other"
_FOLD = "which `torch.nn.utils.parametrize.remove_parametrizations` turns into a plain weight"

Where = tuple[tuple[int, int], ...]  # (place number, number of indices in it) for each place


def discover_groups(model: nn.Module, example: Example) -> Groups:
    """Return the groups that one forward pass suggests, not proved yet.

    `example` is one input of the model (or a tuple, one per argument) with its batch axis. Layers
    whose channels are the network's outputs are in no group. A group with a part that cannot be
    sliced is kept, with the reason. The model is not changed.

    Raises:
        PruningError: the model does not run on the example.
    """
    check_runs(model, example)
    caches = find_caches(model, example)
    working = copy.deepcopy(model).cpu().eval()
    return read_groups(working, Reach((inputs_of(example).cpu(),)), caches)


def check_runs(model: nn.Module, example: Example) -> list[Tensor]:
    """Return the model's outputs in evaluation mode.

    Raises:
        PruningError: the model cannot be copied, or does not run on the example.
    """
    if any(isinstance(module, torch.jit.ScriptModule) for module in model.modules()):
        raise PruningError(
            "a part of the model is compiled by TorchScript; build it without TorchScript"
        )
    try:
        working = copy_with(model, {}, share=True).eval()
    except Exception as error:
        raise PruningError(f"the model cannot be copied: {described(error)}") from error
    try:
        with torch.no_grad():
            return run(working, example)
    except PruningError:
        raise
    except Exception as error:
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in inputs_of(example))
        sentence = f"the model does not run on an input of shape {shapes}: {described(error)}"
        raise PruningError(sentence) from error


def read_groups(working: nn.Module, reach: Reach, caches: Sequence[str]) -> Groups:
    """Return the groups of a copy in evaluation mode on the CPU, which may be modified.

    `reach` has the inputs to trace, `caches` are dicts of the copy that a forward pass fills.
    """
    empty_caches(working, caches)  # else cached tensors would have no labels
    with _without_collecting():
        traced = trace(working, reach.inputs)
        return _Reader(working, traced, caches, reach.unreached).read()


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Disable garbage collection inside: tracing makes millions of small lists and no garbage."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


@dataclass
class _Unit:
    """All that is removed with one channel of a group: indices by place number."""

    indices: dict[int, list[int]]

    @property
    def where(self) -> Where:
        return tuple((place, len(own)) for place, own in self.indices.items())


class _Reader:
    """Builds groups from a trace: symbol classes in the same places are a group's channels."""

    def __init__(
        self, model: nn.Module, traced: Trace, caches: Sequence[str], unreached: Sequence[str]
    ) -> None:
        self.model, self.traced, self.caches = model, traced, caches
        self.parameters = dict(model.named_parameters())
        self.modules = dict(model.named_modules())
        self.aliases = aliases_in(model)
        self._mark_recurrent()
        self._mark_tied()
        self._mark_beside(unreached)
        self.number, self.why = traced.symbols.classes()

    def read(self) -> Groups:
        prunable: list[Group] = []
        kept: list[KeptGroup] = []
        names: dict[str, int] = {}
        for reason, units in self._sets():
            producer = self._producer(units[0])
            if producer is None or reason == OUTPUT:
                continue
            name = self._name(producer, names)
            reason = reason or (_ONE if len(units) == 1 else None)
            if reason is None:
                prunable.append(self._group(name, units))
            else:
                kept.append(KeptGroup(name, len(units), reason))
        return Groups(tuple(prunable), tuple(kept))

    def _sets(self) -> Iterator[tuple[str | None, list[_Unit]]]:
        """Yield units of the same places together with the reason against removing them, if any."""
        sets: dict[tuple[str | None, Where], list[_Unit]] = {}
        for own, unit in self._units().items():
            reason = self.why[own]
            where = unit.where if reason is None else tuple((p, 0) for p, _ in unit.where[:1])
            sets.setdefault((reason, where), []).append(unit)
        for (reason, _), units in sets.items():
            yield reason, units

    def _units(self) -> dict[int, _Unit]:
        """Return the units by class, in the order in which the model registers its tensors."""
        units: dict[int, _Unit] = {}
        for place, (_, _, symbols) in enumerate(self.traced.places):
            indices: dict[int, list[int]] = {}
            for index, own in enumerate(self.number[symbols.numpy().astype(np.int64)].tolist()):
                if own in indices:
                    indices[own].append(index)
                else:
                    indices[own] = [index]
            for own, found in indices.items():
                if own in units:
                    units[own].indices[place] = found
                else:
                    units[own] = _Unit({place: found})
        return units

    def _producer(self, unit: _Unit) -> str | None:
        """Return the path of the first layer that produces the channel."""
        for place in unit.indices:
            tensor, dim, _ = self.traced.places[place]
            path = layer_of(tensor)
            if tensor in self.parameters and dim == self._out_dim(tensor, self.modules[path]):
                return path
        return None

    def _out_dim(self, tensor: str, module: nn.Module) -> int | None:
        made = tensor in self.traced.weights or (
            tensor in self.traced.used and isinstance(module, _ConvNd | nn.Linear)
        )
        if not made or self.parameters[tensor].dim() < 2:
            return None
        return output_dim(module)

    def _name(self, path: str, names: dict[str, int]) -> str:
        names[path] = names.get(path, 0) + 1
        return path if names[path] == 1 else f"{path}.part{names[path]}"

    def _group(self, name: str, units: Sequence[_Unit]) -> Group:
        places = self.traced.places
        slots = []
        for place in units[0].indices:
            tensor, dim, _ = places[place]
            positions = tuple(tuple(unit.indices[place]) for unit in units)
            slots += [Slot(one, dim, positions) for one in (tensor, *self.aliases.get(tensor, ()))]
        caches = caches_around(self.caches, [slot.tensor for slot in slots])
        return Group(
            name,
            len(units),
            tuple(slots),
            scaled_matmuls=self._scaled_matmuls(units),
            caches=caches,
        )

    def _scaled_matmuls(self, units: Sequence[_Unit]) -> tuple[tuple[str, float], ...]:
        """Return modules with products without weights that shrink with the width, and shares."""
        own = {self._class(unit) for unit in units}
        all_of: dict[str, int] = {}
        shrinking: dict[str, int] = {}
        for work in self.traced.work:
            all_of[work.path] = all_of.get(work.path, 0) + work.macs
            if self._shrinks(work, own):
                shrinking[work.path] = shrinking.get(work.path, 0) + work.macs
        return tuple((path, macs / all_of[path]) for path, macs in shrinking.items())

    def _shrinks(self, work: MatmulCost, own: set[int]) -> bool:
        """Return True if the MACs of the product are proportional to the remaining width."""
        sides = [self._classes(plane) for plane in work.sides]
        free = [classes for classes in sides if any(self.why[one] is None for one in classes)]
        twice = sum(self._classes(plane) == own for plane in work.result) > 1
        return bool(free) and all(classes == own for classes in free) and not twice

    def _class(self, unit: _Unit) -> int:
        place, indices = next(iter(unit.indices.items()))
        return int(self.number[int(self.traced.places[place][2][indices[0]])])

    def _classes(self, plane: Tensor) -> set[int]:
        numbers: Numbers = plane.numpy().ravel().astype(np.int64)
        return set(self.number[numbers].tolist())

    def _mark_recurrent(self) -> None:
        """Join the widths of all layers and directions of a recurrent module."""
        known = self.traced.symbols
        symbols = {(tensor, dim): own for tensor, dim, own in self.traced.places}
        for path, module in self.modules.items():
            if not isinstance(module, nn.RNNBase):
                continue
            own = [
                symbols[f"{path}.{name}", 1]
                for name, _ in module.named_parameters()
                if name.startswith("weight_hh") and (f"{path}.{name}", 1) in symbols
            ]
            for other in own[1:]:
                known.join(own[0], other, f"`{path}` has one width for all layers")

    def _mark_tied(self) -> None:
        tied, symbols = tied_names(self.model, self.aliases), self.traced.symbols
        for tensor, _, own in self.traced.places:
            if tensor in tied:
                symbols.fix(own, f"`{tensor}` is shared with `{tied[tensor]}`")
            elif PARAMETRIZED in f".{tensor}":
                reason = f"`{layer_of(tensor)}` computes its weight by a parametrization, {_FOLD}"
                symbols.fix(own, reason, first=True)

    def _mark_beside(self, unreached: Sequence[str]) -> None:
        """Fix dimensions whose size equals one of an unreached parameter: they may be connected."""
        sizes: dict[int, str] = {}
        for name in unreached:
            for size in sizes_of_channels(self.modules[layer_of(name)], self.parameters[name]):
                sizes.setdefault(size, name)
        symbols = self.traced.symbols
        for tensor, _, own in self.traced.places:
            if tensor not in unreached and len(own) in sizes:
                name = sizes[len(own)]
                reason = f"`{name}`, which no tried input reaches, may use its channels"
                symbols.fix(own, reason)
