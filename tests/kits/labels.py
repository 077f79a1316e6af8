"""Label rules on small tensors, with every symbol under a name."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils.weak import WeakIdKeyDictionary

from paretoprune.pruning.dependency.call import Call, Result
from paretoprune.pruning.dependency.operations import follow
from paretoprune.pruning.dependency.ops_elementwise import Labelled
from paretoprune.pruning.dependency.symbols import FIXED, Labels, Symbols


class NamedSymbols:
    """Tensors whose symbols are called `a0`, `a1`, ... along the dimension of a plane `a`."""

    def __init__(self) -> None:
        self.symbols = Symbols()
        self.labels: Any = WeakIdKeyDictionary()
        self._names = {FIXED: "-"}

    def tensor(self, shape: tuple[int, ...], **dims: int | tuple[int, ...]) -> Tensor:
        """A tensor with a plane for each name, which varies along the given dimensions."""
        tensor = torch.rand(shape)
        planes = []
        for name, along in dims.items():
            along = (along,) if isinstance(along, int) else along
            extent = [size if dim in along else 1 for dim, size in enumerate(shape)]
            own = self.symbols.new(int(torch.tensor(extent).prod()))
            self._names |= {int(one): f"{name}{index}" for index, one in enumerate(own)}
            planes.append(own.reshape(extent))
        self.labels[tensor] = Labels(tuple(planes))
        return tensor

    def of(self, tensor: Tensor) -> Labelled:
        """Shape and labels of a tensor; one that is not of this kit has none."""
        return Labelled(tuple(tensor.shape), self.labels.get(tensor))

    def named(self, shape: tuple[int, ...], **dims: int | tuple[int, ...]) -> Labelled:
        """Shape and labels of a new tensor."""
        return self.of(self.tensor(shape, **dims))

    def call(self, function: Any, *args: Any, **kwargs: Any) -> Call:
        """An operation with its result, as the tracer gives it to the rules."""
        shapes = [one.shape if isinstance(one, Tensor) else None for one in args]
        result = function(*args, **kwargs)
        return Call(self.symbols, function, args, kwargs, result, "op", self.labels, shapes)

    def follow(self, function: Any, *args: Any, **kwargs: Any) -> Result:
        """Labels of the result of an operation."""
        return follow(self.call(function, *args, **kwargs))

    def planes(self, labels: Result) -> list[str]:
        """Each plane as its shape and the names of its symbols."""
        assert isinstance(labels, Labels)
        return [self.plane(plane) for plane in labels.planes]

    def plane(self, plane: Tensor) -> str:
        """Shape and names of the symbols of one plane."""
        names = [self._names.get(int(one), "new") for one in plane.flatten()]
        return " ".join(["x".join(map(str, plane.shape)), *names])

    def classes(self) -> list[str]:
        """Classes of two or more symbols that are not fixed."""
        number, why = self.symbols.classes()
        found: dict[int, list[str]] = {}
        for symbol, name in self._names.items():
            found.setdefault(int(number[symbol]), []).append(name)
        return [" ".join(names) for n, names in found.items() if len(names) > 1 and why[n] is None]

    def fixed(self) -> dict[str, str]:
        """Names of the fixed symbols by the reason."""
        number, why = self.symbols.classes()
        found: dict[str, str] = {}
        for symbol, name in self._names.items():
            reason = why[number[symbol]] if symbol != FIXED else None
            if reason is not None:
                found[reason] = f"{found[reason]} {name}" if reason in found else name
        return found
