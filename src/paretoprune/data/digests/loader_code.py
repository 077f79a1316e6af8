"""The classes and functions that the samples of a user's loader come from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from types import FunctionType, MethodType, ModuleType

import numpy as np
from torch import Tensor

_DEPTH = 20  # maximum nesting of objects
_NUM_ITEMS = 100  # of a list or mapping that are looked at: transforms are few, samples are many
_PLAIN = (str, bytes, bool, int, float, complex, type(None), Tensor, np.ndarray, ModuleType)


def code_of_loader(loader: object) -> tuple[object, ...]:
    """Return the classes and functions of a loader, its data sets, transforms and samplers.

    What a loader computes at random shows in no digest of its samples; its code does.
    """
    found: dict[int, object] = {}
    _collect(loader, _DEPTH, found, set())
    return tuple(found.values())


def _collect(value: object, depth: int, found: dict[int, object], seen: set[int]) -> None:
    if isinstance(value, _PLAIN) or not depth or id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, type | FunctionType):
        found[id(value)] = value
    elif not isinstance(value, list | tuple | dict | MethodType | partial):
        found[id(type(value))] = type(value)
    for one in _inside(value):
        _collect(one, depth - 1, found, seen)


def _inside(value: object) -> Iterator[object]:
    """Yield the objects that a value holds or, of a function, those that it closes over."""
    if isinstance(value, type):
        return
    if isinstance(value, FunctionType):
        yield from value.__defaults__ or ()
        for cell in value.__closure__ or ():
            try:
                yield cell.cell_contents
            except ValueError:  # not assigned yet
                continue
    elif isinstance(value, MethodType):
        yield from (value.__self__, value.__func__)
    elif isinstance(value, partial):
        yield from (value.func, *value.args, *value.keywords.values())
    else:
        yield from islice(_items(value), _NUM_ITEMS)


def _items(value: object) -> Iterable[object]:
    if isinstance(value, list | tuple):
        return value
    return (value if isinstance(value, dict) else getattr(value, "__dict__", {})).values()
