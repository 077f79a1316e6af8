"""Label rules for operations: channels that are combined, and their positions in the result.

A rule takes the symbols and the operation's tensors with their labels, and returns the labels of
the result. A wrong rule cannot make a wrong model, since every group is proved; it can only lose a
prunable group.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from paretoprune.pruning.dependency.symbols import Labels, Symbols, compact, first_of, varying


@dataclass(frozen=True)
class Labelled:
    """Shape and labels of a tensor; labels are None if `forward` creates it without channels."""

    shape: tuple[int, ...]
    labels: Labels | None

    @property
    def planes(self) -> tuple[Tensor, ...]:
        """The planes, if any."""
        return self.labels.planes if self.labels else ()

    def aligned(self, dims: int) -> Labelled:
        """Add leading dimensions of size 1, as broadcasting does."""
        front = [1] * (dims - len(self.shape))
        planes = tuple(plane.reshape([*front, *plane.shape]) for plane in self.planes)
        labels = Labels(planes, self.labels.if_used) if self.labels else None
        return Labelled((*front, *self.shape), labels)

    def along(self, dim: int, dims: int) -> Labelled:
        """Return a vector as a tensor of `dims` dimensions that varies along `dim`."""
        shape = [-1 if one == dim else 1 for one in range(dims)]
        planes = tuple(plane.reshape(shape) for plane in self.planes)
        size = tuple(self.shape[0] if one == dim else 1 for one in range(dims))
        return Labelled(size, Labels(planes) if self.labels else None)

    def with_dim(self, dim: int) -> Labelled:
        """Insert a dimension of size 1."""
        planes = tuple(plane.unsqueeze(dim) for plane in self.planes)
        shape = (*self.shape[:dim], 1, *self.shape[dim:])
        return Labelled(shape, Labels(planes) if self.labels else None)


def moved(symbols: Symbols, tensor: Labelled, move: Callable[[Tensor], Tensor]) -> Labels:
    """Rule for layout operations: symbols move with the elements, and nothing is used."""
    planes = []
    for plane in tensor.planes:
        result = compact(move(plane.expand(tensor.shape)))
        if result.numel() == 1:  # a single index, fixed in `forward`
            symbols.fix(result, "one of its channels is selected by a fixed index")
            continue
        symbols.keep_rectangular(result)
        planes.append(result)
    return Labels(tuple(planes), tensor.labels.if_used if tensor.labels else ())


def repeated(symbols: Symbols, tensor: Labelled, shape: tuple[int, ...]) -> Labels:
    """Create new symbols along the dimensions in which a tensor without planes is repeated."""
    assert tensor.labels is not None and not tensor.planes
    planes = [
        symbols.new(size).reshape([-1 if dim == other else 1 for other in range(len(shape))])
        for dim, (size, before) in enumerate(zip(shape, tensor.shape, strict=True))
        if size > before
    ]
    return Labels(tuple(planes), tensor.labels.if_used)


def pointwise(symbols: Symbols, tensors: Sequence[Labelled], what: str) -> Labels | None:
    """Rule for pointwise operations: elements at the same position after broadcasting combine."""
    known = [tensor for tensor in tensors if tensor.labels is not None]
    if not known:
        return None
    dims = max(len(tensor.shape) for tensor in tensors)
    known = [tensor.aligned(dims) for tensor in known]
    result: list[Tensor] = []
    for number, tensor in enumerate(known):
        for plane in tensor.planes:
            along = varying(plane)
            others = known[:number] + known[number + 1 :]
            shared = [_meet(symbols, plane, along, other, what) for other in others]
            if not any(shared) and not any(along & varying(one) for one in result):
                result.append(plane)
    return Labels(tuple(result))


def _meet(symbols: Symbols, plane: Tensor, along: set[int], other: Labelled, what: str) -> bool:
    """Combine a plane with the other operand's; return True if that one's heads share it."""
    partners, shared = [one for one in other.planes if along & varying(one)], False
    for partner in partners:
        if varying(partner) < along and _is_shared(symbols, partner, plane):
            _keep_heads_whole(symbols, plane, partner, what)
        elif along < varying(partner) and _is_shared(symbols, plane, partner):
            shared = True
        else:
            symbols.join(
                plane, partner, f"it is combined with channels that cannot be removed in {what}"
            )
    if not partners and any(other.shape[dim] > 1 for dim in along):
        symbols.fix(plane, f"it is combined with a tensor of fixed size in {what}")
    return shared


def _is_shared(symbols: Symbols, one: Tensor, plane: Tensor) -> bool:
    """Return True for a tensor that all heads of the plane share, which are removed as a whole.

    It is a buffer, such as rotary frequencies, or the heads are whole already, as before the weight
    of a norm over the places in a head.
    """
    return symbols.are_computed(one) or symbols.are_one(plane, varying(one))


def _keep_heads_whole(symbols: Symbols, plane: Tensor, shared: Tensor, what: str) -> None:
    """Rule for a tensor of one entry for each place in a head, which all heads share.

    It stays, and a head is removed as a whole.
    """
    first = first_of(plane, varying(shared))
    symbols.join(plane, first, f"it is combined with a tensor of fixed size in {what}")
    symbols.fix(shared, f"{what} combines it with all heads")


def reduced(
    symbols: Symbols, tensor: Labelled, dims: Iterable[int], what: str, *, sums: bool = False
) -> Labels:
    """Rule for reductions and normalisations: channels along `dims` depend on each other.

    They can only be removed all together, or not at all. A result that is never used, as the mean
    of attention weights over heads often is, fixes nothing. A reduction that `sums` is the same
    without channels that are zero, which the proof finds out.
    """
    over, planes = {dim % len(tensor.shape) for dim in dims} if tensor.shape else set(), []
    if_used = []
    for plane in tensor.planes:
        along = varying(plane)
        if along and along <= over and not sums:
            reason = f"{what} reduces over its channels, so removing one changes the others"
            if_used.append((plane, reason))
        elif along and along <= over:
            continue
        elif along & over:
            first = first_of(plane, along & over)
            symbols.join(plane, first, f"{what} reduces over channels that cannot be removed")
            planes.append(first)
        else:
            planes.append(plane)
    return Labels(tuple(planes), tuple(if_used))


def without_dims(labels: Labels, dims: Iterable[int], total: int) -> Labels:
    """Drop dimensions of size 1 from the labels."""
    gone = {dim % total for dim in dims}
    return Labels(
        tuple(
            plane.reshape([size for dim, size in enumerate(plane.shape) if dim not in gone])
            for plane in labels.planes
        ),
        labels.if_used,
    )


def group_norm(symbols: Symbols, inputs: Labelled, groups: int, what: str) -> Labels:
    """Rule for GroupNorm: whole normalisation groups can be removed, if there are several."""
    size = inputs.shape[1] // groups
    shape = (inputs.shape[0], groups, size, *inputs.shape[2:])
    planes = tuple(compact(plane.expand(inputs.shape).reshape(shape)) for plane in inputs.planes)
    result = reduced(symbols, Labelled(shape, Labels(planes)), range(2, len(shape)), what)
    symbols.use(result)
    planes = tuple(plane.squeeze(2).repeat_interleave(size, 1) for plane in result.planes)
    return Labels(tuple(compact(plane) for plane in planes))


def concatenated(symbols: Symbols, parts: Sequence[Labelled], dim: int, what: str) -> Labels | None:
    """Rule for concatenation: planes along `dim` are concatenated; the others are combined."""
    if all(part.labels is None for part in parts):
        return None
    across = [
        Labelled(
            tuple(1 if d == dim else size for d, size in enumerate(part.shape)),
            None
            if part.labels is None
            else Labels(tuple(plane for plane in part.planes if dim not in varying(plane))),
        )
        for part in parts
    ]
    result = list((pointwise(symbols, across, what) or Labels()).planes)
    if any(dim in varying(plane) for part in parts for plane in part.planes):
        result.append(_in_a_row(symbols, parts, dim))
    return Labels(tuple(result))


def _in_a_row(symbols: Symbols, parts: Sequence[Labelled], dim: int) -> Tensor:
    shape = np.broadcast_shapes(
        *(
            tuple(1 if d == dim else size for d, size in enumerate(plane.shape))
            for part in parts
            for plane in part.planes
            if dim in varying(plane)
        )
    )
    rows = []
    for part in parts:
        size = [part.shape[dim] if d == dim else extent for d, extent in enumerate(shape)]
        own = next((plane for plane in part.planes if dim in varying(plane)), None)
        rows.append(torch.zeros(size, dtype=torch.float64) if own is None else own.expand(size))
    row = compact(torch.cat(rows, dim))
    symbols.keep_rectangular(row)
    return row


def equal_parts(symbols: Symbols, tensor: Labelled, dim: int, size: int) -> None:
    """Rule for a split into parts of this size: all parts lose equally many indices."""
    dim %= len(tensor.shape)
    total = tensor.shape[dim]
    if total % size or total == size:
        return
    for plane in tensor.planes:
        if dim in varying(plane):
            parts = plane.reshape(*plane.shape[:dim], total // size, size, *plane.shape[dim + 1 :])
            symbols.join(parts, first_of(parts, [dim]), "a split divides it into unequal parts")


def looked_up(symbols: Symbols, table: Labelled, dims: int, what: str) -> Labels:
    """Rule for embeddings: the columns of the table are the last of `dims` dimensions."""
    planes = []
    for plane in table.planes:
        if varying(plane) == {1}:
            planes.append(plane.reshape([*[1] * (dims - 1), -1]))
        else:
            symbols.fix(plane, f"{what} selects its channels by index")
    return Labels(tuple(planes))
