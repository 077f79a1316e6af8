"""One operation of a forward pass: what it was given, and what it gave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from paretoprune.pruning.dependency.ops_elementwise import Labelled
from paretoprune.pruning.dependency.symbols import Labels, Symbols

Result = Labels | None | list[Labels | None]  # a list has one for each tensor of the result


@dataclass(frozen=True)
class Call:
    """One operation: what it was given, and what it gave."""

    symbols: Symbols
    function: Any
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    result: Any
    what: str  # for the user: which module, which operation
    labels: Mapping[Tensor, Labels]
    shapes: Sequence[Any]  # of `args` before the operation, which may work in place

    @property
    def name(self) -> str:
        """The operation's name; one that works in place counts as the one that does not."""
        name: str = self.function.overloadpacket.__name__
        return name[:-1] if name.endswith("_") and not name.startswith("_") else name

    def at(self, number: int) -> Labelled:
        """The tensor that is this argument."""
        return Labelled(tuple(self.shapes[number]), self.labels.get(self.args[number]))

    def argument(self, name: str) -> Any:
        """The argument of this name, or what it is by default."""
        for number, argument in enumerate(self.function._schema.arguments):
            if argument.name == name:
                given = number < len(self.args)
                return self.args[number] if given else self.kwargs.get(name, argument.default_value)
        return None

    def sides(self, numbers: range, dim: int, dims: int) -> list[Labelled]:
        """Arguments that are vectors, such as scales and biases, along this dimension."""
        return [self.at(n).along(dim, dims) for n in numbers if isinstance(self.args[n], Tensor)]
