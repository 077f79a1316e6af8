"""One operation of a forward pass: its arguments and its result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from paretoprune.pruning.dependency.ops_elementwise import Labelled
from paretoprune.pruning.dependency.symbols import Labels, Symbols

Result = Labels | None | list[Labels | None]  # a list has one entry per result tensor


@dataclass(frozen=True)
class Call:
    """One operation of a forward pass: its arguments, its result and the labels of its inputs."""

    symbols: Symbols
    function: Any
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    result: Any
    what: str  # module and operation, for messages
    labels: Mapping[Tensor, Labels]
    shapes: Sequence[Any]  # of `args` before the operation, which may work in place

    @property
    def name(self) -> str:
        """Name of the operation; in-place variants count as the out-of-place one."""
        name: str = self.function.overloadpacket.__name__
        return name[:-1] if name.endswith("_") and not name.startswith("_") else name

    def at(self, number: int) -> Labelled:
        """Return shape and labels of the tensor argument at this index."""
        return Labelled(tuple(self.shapes[number]), self.labels.get(self.args[number]))

    def argument(self, name: str) -> Any:
        """Return the argument of this name, or its default."""
        for number, argument in enumerate(self.function._schema.arguments):
            if argument.name == name:
                given = number < len(self.args)
                return self.args[number] if given else self.kwargs.get(name, argument.default_value)
        return None

    def sides(self, numbers: range, dim: int, dims: int) -> list[Labelled]:
        """Return one-dimensional arguments, such as scales and biases, aligned along `dim`."""
        return [self.at(n).along(dim, dims) for n in numbers if isinstance(self.args[n], Tensor)]
