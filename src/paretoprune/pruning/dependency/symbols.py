"""Labels: the channel of each element of a tensor, and dependencies between channels.

Every index of every dimension of a parameter or buffer is a symbol. An element of an activation
carries the symbols on which its existence depends. A tensor's labels are planes, one for each
independent way in which its elements can be removed: a weight has a plane along its outputs and one
along its inputs; an activation usually has one, along its channels.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor

FIXED = 0  # the symbol of elements that are never removed
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Labels:
    """The planes of one tensor; empty for a tensor of fixed size.

    A plane has the tensor's number of dimensions, with size 1 wherever it does not vary. It holds
    symbols in double precision, so that any layout operation can be applied to it.
    """

    planes: tuple[Tensor, ...] = ()
    if_used: tuple[tuple[Tensor, str], ...] = ()  # planes fixed by any use, and why


def varying(plane: Tensor) -> set[int]:
    """Return the dimensions along which the plane has more than one symbol."""
    return {dim for dim, size in enumerate(plane.shape) if size > 1}


def compact(plane: Tensor) -> Tensor:
    """Reduce each dimension along which the plane is constant to size 1."""
    for dim in range(plane.dim()):
        if plane.shape[dim] > 1 and plane.stride(dim) == 0:
            plane = plane.narrow(dim, 0, 1)
    for dim in range(plane.dim()):
        if plane.shape[dim] > 1 and bool((plane == plane.narrow(dim, 0, 1)).all()):
            plane = plane.narrow(dim, 0, 1)
    return plane


@dataclass
class Symbols:
    """All symbols of a model, the equivalences among them, and reasons why some are fixed."""

    count: int = 1  # symbol 0 is FIXED
    reasons: list[str] = field(default_factory=list)
    computed: list[Numbers] = field(default_factory=list)  # of buffers that are not stored
    _pairs: list[Numbers] = field(default_factory=list)
    _fixed: list[tuple[Numbers, int]] = field(default_factory=list)
    _shapes: dict[bytes, Numbers] = field(default_factory=dict)

    def new(self, count: int) -> Tensor:
        """Return `count` new consecutive symbols."""
        self.count += count
        return torch.arange(self.count - count, self.count, dtype=torch.float64)

    def join(self, one: Tensor, other: Tensor, reason: str) -> None:
        """Make symbols at the same position equivalent.

        `reason` applies to those that are joined with FIXED.
        """
        sides = np.broadcast_arrays(one.numpy(), other.numpy())
        left, right = (side.ravel().astype(np.int64) for side in sides)
        differ = left != right
        # Each pair as one number: `unique` is much faster on numbers than on pairs.
        numbers = np.unique(left[differ] * self.count + right[differ])
        pairs = np.stack(np.divmod(numbers, self.count), 1)
        meets = (pairs == FIXED).any(axis=1)
        self._pairs.append(pairs[~meets])
        if meets.any():
            self._note(pairs[meets].max(axis=1), reason)

    def fix(self, plane: Tensor, reason: str, *, first: bool = False) -> None:
        """Mark symbols as never removable, with the reason; `first` gives it precedence."""
        numbers = np.unique(plane.numpy().astype(np.int64))
        self._note(numbers[numbers != FIXED], reason)
        if first:
            self._fixed.insert(0, self._fixed.pop())

    def are_computed(self, plane: Tensor) -> bool:
        """Return True for symbols of buffers that are not stored, such as rotary frequencies."""
        numbers = plane.numpy().astype(np.int64)
        return any(bool(np.isin(numbers, one).all()) for one in self.computed)

    def are_one(self, plane: Tensor, dims: Iterable[int]) -> bool:
        """Return True if the symbols along these dimensions can only be removed together."""
        classes, first = (one.numpy().astype(np.int64) for one in (plane, first_of(plane, dims)))
        number = self._components()
        return bool((number[classes] == number[first]).all())

    def use(self, labels: Labels | None) -> None:
        """Record that the tensor is used in a computation, or is an output."""
        for plane, reason in labels.if_used if labels else ():
            self.fix(plane, reason)

    def keep_rectangular(self, plane: Tensor) -> None:
        """Require that only whole indices of one dimension are removed."""
        if len(varying(plane)) > 1:
            numbers = plane.squeeze().numpy().astype(np.int64)
            self._shapes.setdefault(repr(numbers.shape).encode() + numbers.tobytes(), numbers)

    def classes(self) -> tuple[Numbers, list[str | None]]:
        """Return the class of each symbol, and per class the reason why it is fixed, or None."""
        # An even shape stays even when classes are merged, so that each shape is processed once.
        number = self._components()
        waiting = list(self._shapes.values())
        while uneven := [shape for shape in waiting if not _is_even(self._loose(number)[shape])]:
            for shape in uneven:
                self._even_out(shape, number)
            waiting = [shape for shape in waiting if not any(shape is one for one in uneven)]
            number = self._components()
        return number, self._why(number)

    def _why(self, number: Numbers) -> list[str | None]:
        why: list[str | None] = [None] * (int(number.max()) + 1)
        for symbols, reason in self._fixed:
            for one in np.unique(number[symbols]):
                why[one] = why[one] or self.reasons[reason]
        why[number[FIXED]] = "it cannot be removed"
        return why

    def _loose(self, number: Numbers) -> Numbers:
        """Return the classes, with all fixed ones merged."""
        fixed = np.zeros(int(number.max()) + 1, dtype=bool)
        for symbols, _ in self._fixed:
            fixed[number[symbols]] = True
        return np.where(fixed[number], number[FIXED], number)

    def _note(self, symbols: Numbers, reason: str) -> None:
        if reason not in self.reasons:
            self.reasons.append(reason)
        self._fixed.append((symbols, self.reasons.index(reason)))

    def _components(self) -> Numbers:
        pairs = np.concatenate([np.empty((0, 2), np.int64), *self._pairs])
        self._pairs = [pairs]
        graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), [self.count] * 2)
        number: Numbers = connected_components(graph, directed=False)[1].astype(np.int64)
        return number

    def _even_out(self, shape: Numbers, number: Numbers) -> None:
        """Join along the dimension that leaves the most classes."""
        loose, trials = self._loose(number), []
        for dim in range(shape.ndim):
            rows = _rows(shape, dim)
            trials.append((_num_sets(loose[rows]), -dim, rows))
        rows = max(trials, key=lambda trial: trial[:2])[2]
        self.join(torch.from_numpy(rows), torch.from_numpy(rows[:, :1]), _UNEVEN)


_UNEVEN = "a reshape mixes its channels with channels that cannot be removed"


def _is_even(classes: Numbers) -> bool:
    """Return True if the classes are whole indices of one dimension."""
    return any(
        bool((rows == rows[:, :1]).all())
        for rows in (_rows(classes, dim) for dim in range(classes.ndim))
    )


def _rows(numbers: Numbers, dim: int) -> Numbers:
    """Return one row for each index of the dimension."""
    return np.moveaxis(numbers, dim, 0).reshape(numbers.shape[dim], -1)


def _num_sets(rows: Numbers) -> int:
    """Count the classes that remain when the classes of each row are merged."""
    _, number = np.unique(rows, return_inverse=True)
    number = number.reshape(rows.shape)
    count, size = len(rows), int(number.max()) + 1
    ends = (np.repeat(np.arange(count), rows.shape[1]), count + number.ravel())
    graph = coo_array((np.ones(rows.size), ends), [count + size] * 2)
    return int(connected_components(graph, directed=False)[0])


def first_of(plane: Tensor, dims: Iterable[int]) -> Tensor:
    """Return the plane at index 0 of these dimensions, which are kept with size 1."""
    for dim in dims:
        plane = plane.narrow(dim, 0, 1)
    return plane
