"""Integer attributes of a network that depend on a group's width, such as `num_heads`.

They are found by trial, among attributes near the group's tensors that equal its width or its
number of positions.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import accumulate, combinations, takewhile

from torch import Tensor, nn

from paretoprune.pruning.groups import Group, Number, Slot
from paretoprune.pruning.structured.layers import is_transposed_linear

_MOST_TRIALS = 12


def with_numbers(model: nn.Module, group: Group) -> Iterator[Group]:
    """Yield the group with candidate integer attributes, likely ones first.

    Nothing is yielded for a block.
    """
    if group.block:
        return
    found = list(_candidates(model, group))
    found.sort(key=lambda number: (number.per_channel != 1, number.per_channel))
    ones = [number for number in found if number.per_channel == 1]
    parts = list(_parts(model, group))
    sets = [
        *([parts, [*parts, *ones]] if parts else []),
        ones,
        *([number] for number in found),
        found,
        *combinations(found, 2),
    ]
    seen: set[frozenset[Number]] = {frozenset()}
    for numbers in sets:
        if len(seen) <= _MOST_TRIALS and frozenset(numbers) not in seen:
            seen.add(frozenset(numbers))
            yield replace(group, numbers=tuple(numbers))


def same_numbers(model: nn.Module, like: Group, group: Group) -> Group:
    """Return the group with the attributes of `like`, a group of the same structure."""
    wanted = {_kind(model, number) for number in like.numbers}
    found = [*_parts(model, group), *_candidates(model, group)]
    chosen = {_kind(model, number): number for number in reversed(found)}
    return replace(group, numbers=tuple(n for kind, n in chosen.items() if kind in wanted))


def likeness(model: nn.Module, group: Group) -> tuple[object, ...]:
    """Return the key that groups of the same structure share; empty for modules of `torch.nn`.

    It has the class of the innermost module around all tensors of the group, and the tensors' names
    within it. Modules of `torch.nn` of one class need not have the same structure.
    """
    if group.block:
        return ()
    around = _around_all(group)
    kind = type(model.get_submodule(around))
    if kind.__module__.startswith("torch.nn."):
        return ()
    return (kind, *((slot.tensor.removeprefix(around), slot.dim) for slot in group.slots))


def _around_all(group: Group) -> str:
    """Return the path of the innermost module that holds all the group's tensors."""
    owners = [slot.tensor.split(".")[:-1] for slot in group.slots]
    shared = takewhile(lambda names: len(set(names)) == 1, zip(*owners, strict=False))
    return ".".join(names[0] for names in shared)


def _kind(model: nn.Module, number: Number) -> tuple[str, str, int | None]:
    return type(model.get_submodule(number.module)).__name__, number.attribute, number.index


def _candidates(model: nn.Module, group: Group) -> Iterator[Number]:
    sizes = {1, *(slot.per_channel for slot in group.slots)}
    sizes |= {a // b for a in sizes for b in sizes if a % b == 0}  # queries per key
    factors = {group.width * size: size for size in sizes}
    paths = {path: None for slot in group.slots for path in _around(slot.tensor)}
    paths.update(dict.fromkeys([_around_all(group), *(path for path, _ in group.scaled_matmuls)]))
    for path in paths:
        module = model.get_submodule(path)
        if type(module).__module__.startswith("torch.nn.") or is_transposed_linear(module):
            continue  # `fit_attributes` sets these from their tensors
        for name, value in vars(module).items():
            for index, one in _whole_numbers(value):
                if one in factors:
                    yield Number(path, name, factors[one], index)


def _parts(model: nn.Module, group: Group) -> Iterator[Number]:
    """Yield attributes that sum to a dimension of the group's tensors, as the sizes of a split do.

    Each is lowered by the channels that lie in its part.
    """
    path = _around_all(group)
    for name, value in vars(model.get_submodule(path)).items():
        sizes = [one for _, one in _whole_numbers(value)]
        slot = next((s for s in group.slots if sum(sizes) == _size(model, s)), None)
        if len(sizes) < 2 or slot is None:
            continue
        ends = list(accumulate(sizes))
        counts = [Counter(bisect_right(ends, p) for p in own) for own in slot.positions]
        if all(count == counts[0] for count in counts):
            yield from (Number(path, name, lost, part) for part, lost in counts[0].items())


def _size(model: nn.Module, slot: Slot) -> int:
    path, _, name = slot.tensor.rpartition(".")
    tensor: Tensor = getattr(model.get_submodule(path), name)
    return tensor.shape[slot.dim]


def _whole_numbers(value: object) -> Iterator[tuple[int | None, int]]:
    if type(value) is int:
        yield None, value
    elif type(value) in (list, tuple):
        assert isinstance(value, list | tuple)
        yield from ((index, one) for index, one in enumerate(value) if type(one) is int)


def _around(tensor: str) -> list[str]:
    """Return the module of the tensor and the one around it."""
    own = tensor.rpartition(".")[0]
    return [own, own.rpartition(".")[0]] if own else [own]
