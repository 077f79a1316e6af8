"""What operations do to labels: which channels meet, and where they are in the result.

A rule takes symbols, the operation's tensors with their labels, and gives the labels of the result.
A wrong rule costs no correctness, since every group is proved; it costs a group that could go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from paretoprune.pruning.labels import Labels, Symbols, compact, first_of, varying


@dataclass(frozen=True)
class Labelled:
    """A tensor's shape and labels; no labels for one that `forward` makes anew, of any size."""

    shape: tuple[int, ...]
    labels: Labels | None

    @property
    def planes(self) -> tuple[Tensor, ...]:
        """The planes, if any."""
        return self.labels.planes if self.labels else ()

    def aligned(self, dims: int) -> Labelled:
        """With dimensions of size 1 in front, as broadcasting adds them."""
        front = [1] * (dims - len(self.shape))
        planes = tuple(plane.reshape([*front, *plane.shape]) for plane in self.planes)
        return Labelled((*front, *self.shape), Labels(planes) if self.labels else None)

    def along(self, dim: int, dims: int) -> Labelled:
        """A vector as a tensor of so many dimensions that lies along this one."""
        shape = [-1 if one == dim else 1 for one in range(dims)]
        planes = tuple(plane.reshape(shape) for plane in self.planes)
        size = tuple(self.shape[0] if one == dim else 1 for one in range(dims))
        return Labelled(size, Labels(planes) if self.labels else None)

    def with_dim(self, dim: int) -> Labelled:
        """With one more dimension, of size 1."""
        planes = tuple(plane.unsqueeze(dim) for plane in self.planes)
        shape = (*self.shape[:dim], 1, *self.shape[dim:])
        return Labelled(shape, Labels(planes) if self.labels else None)


def moved(symbols: Symbols, tensor: Labelled, move: Callable[[Tensor], Tensor]) -> Labels:
    """An operation that only moves elements: it moves the symbols along."""
    planes = []
    for plane in tensor.planes:
        result = compact(move(plane.expand(tensor.shape)))
        if result.numel() == 1:  # one index was taken out, by a number in `forward`
            symbols.fix(result, "one of its channels is picked out by its number")
            continue
        symbols.keep_rectangular(result)
        planes.append(result)
    return Labels(tuple(planes))


def pointwise(symbols: Symbols, tensors: Sequence[Labelled], what: str) -> Labels | None:
    """Elements meet at the same place, after broadcasting."""
    known = [tensor for tensor in tensors if tensor.labels is not None]
    if not known:
        return None
    dims = max(len(tensor.shape) for tensor in tensors)
    known = [tensor.aligned(dims) for tensor in known]
    result: list[Tensor] = []
    for number, tensor in enumerate(known):
        for plane in tensor.planes:
            along = varying(plane)
            for other in known[:number] + known[number + 1 :]:
                _meet(symbols, plane, along, other, what)
            if not any(along & varying(one) for one in result):
                result.append(plane)
    return Labels(tuple(result))


def _meet(symbols: Symbols, plane: Tensor, along: set[int], other: Labelled, what: str) -> None:
    partners = [one for one in other.planes if along & varying(one)]
    for partner in partners:
        symbols.join(plane, partner, f"it meets channels that stay in {what}")
    if not partners and any(other.shape[dim] > 1 for dim in along):
        symbols.fix(plane, f"it meets what never changes its size in {what}")


def reduced(symbols: Symbols, tensor: Labelled, dims: Iterable[int], what: str) -> Labels:
    """Elements along `dims` depend on each other: these go as a whole, or never."""
    over, planes = {dim % len(tensor.shape) for dim in dims} if tensor.shape else set(), []
    for plane in tensor.planes:
        along = varying(plane)
        if along and along <= over:
            symbols.fix(plane, f"{what} runs over its channels, so that the others would change")
        elif along & over:
            first = first_of(plane, along & over)
            symbols.join(plane, first, f"{what} runs over channels that stay")
            planes.append(first)
        else:
            planes.append(plane)
    return Labels(tuple(planes))


def without_dims(labels: Labels, dims: Iterable[int], total: int) -> Labels:
    """The labels when dimensions of size 1 are dropped."""
    gone = {dim % total for dim in dims}
    return Labels(
        tuple(
            plane.reshape([size for dim, size in enumerate(plane.shape) if dim not in gone])
            for plane in labels.planes
        )
    )


def product(symbols: Symbols, left: Labelled, right: Labelled, what: str) -> Labels | None:
    """A batched matrix product, (b, m, k) by (b, k, n)."""
    if left.labels is None and right.labels is None:
        return None
    ins = _contracted(symbols, left, 2, what)
    others = _contracted(symbols, Labelled(right.shape, right.labels), 1, what)
    inner, outer = ins[0], [*ins[1], *others[1]]
    across = [plane.transpose(1, 2) for plane in others[0]]
    outer += _join_inner(symbols, inner, across, (left, right), what)
    return Labels(tuple(_join_batches(symbols, outer, (left, right), what)))


def _contracted(
    symbols: Symbols, tensor: Labelled, dim: int, what: str
) -> tuple[list[Tensor], list[Tensor]]:
    """Planes along the dimension that is summed over, and the others."""
    inner, outer = [], []
    for plane in tensor.planes:
        along = varying(plane)
        if dim in along and 3 - dim in along:  # such as (heads and batch, head's channels)
            first = first_of(plane, [dim])
            symbols.join(plane, first, f"{what} sums over channels that stay")
            outer.append(first)
        elif dim in along:
            inner.append(plane)
        else:
            outer.append(plane)
    along_dim = [plane for plane in inner if varying(plane) == {dim}]
    others = [plane for plane in inner if varying(plane) != {dim}]
    return [*_first_alone(symbols, along_dim, what), *others], outer


def _join_inner(
    symbols: Symbols,
    inner: Sequence[Tensor],
    across: Sequence[Tensor],
    sides: tuple[Labelled, Labelled],
    what: str,
) -> list[Tensor]:
    """Summed-over channels meet. Where they differ from batch to batch, as channels of heads do,
    all of a batch go together, and the result keeps a plane."""
    batches = []
    for planes, partners, side in ((inner, across, sides[1]), (across, inner, sides[0])):
        for plane in planes:
            for partner in partners:
                symbols.join(plane, partner, f"it meets channels that stay in {what}")
            if not partners and side.labels is not None:
                symbols.fix(plane, f"it meets what never changes its size in {what}")
            if plane.shape[0] > 1:
                first = first_of(plane, [2])
                symbols.join(plane, first, f"{what} sums over channels that stay")
                batches.append(first)
    return batches


def _join_batches(
    symbols: Symbols, planes: Sequence[Tensor], sides: tuple[Labelled, Labelled], what: str
) -> list[Tensor]:
    by_batch = [plane for plane in planes if plane.shape[0] > 1]
    result = [plane for plane in planes if plane.shape[0] == 1]
    for side in sides:
        fixed = side.labels is not None and side.shape[0] > 1
        if fixed and not any(plane.shape[0] > 1 for plane in side.planes):
            for plane in by_batch:
                symbols.fix(plane, f"it meets what never changes its size in {what}")
    if len(by_batch) < 2:
        return [*result, *by_batch]
    firsts = [first_of(plane, [1, 2]) for plane in by_batch]
    for plane, first in zip(by_batch, firsts, strict=True):
        symbols.join(plane, first, f"{what} runs over channels that stay")
        symbols.join(first, firsts[0], f"{what} runs over channels that stay")
    return [*result, firsts[0]]


def convolution(
    symbols: Symbols,
    inputs: Labelled,
    weight: Labelled,
    groups: int,
    *,
    transposed: bool,
    what: str,
) -> Labels:
    """Inputs (n, c, ...) by a weight (out, in / groups, ...), or (in, out / groups, ...)."""
    dims = len(weight.shape)
    along_in: list[Tensor] = []
    along_out: list[Tensor] = []
    for plane in weight.planes:
        out = varying(plane) == {1 if transposed else 0}
        (along_out if out else along_in).append(plane)
    channels = _channels(symbols, inputs, what)
    if groups > 1:
        return _grouped(symbols, channels, inputs, weight, groups, transposed, what)
    for plane in along_in:
        place = plane.reshape([1, -1, *[1] * (dims - 2)])
        if varying(plane) != {0 if transposed else 1} or (channels is None and inputs.labels):
            symbols.fix(plane, f"{what} takes channels that stay")
        elif channels is not None:
            symbols.join(place, channels, f"it meets channels that stay in {what}")
    if not along_in and channels is not None:
        symbols.fix(channels, f"{what} has a weight that never changes its size")
    return Labels(tuple(plane.reshape([1, -1, *[1] * (dims - 2)]) for plane in along_out))


def _channels(symbols: Symbols, inputs: Labelled, what: str) -> Tensor | None:
    """The plane along the channels, where there is one."""
    found: list[Tensor] = []
    for plane in inputs.planes:
        if varying(plane) == {1}:
            found.append(plane)
        else:
            symbols.fix(plane, f"{what} slides over its channels")
    return next(iter(_first_alone(symbols, found, what)), None)


def _first_alone(symbols: Symbols, planes: Sequence[Tensor], what: str) -> Sequence[Tensor]:
    """Of planes along one dimension, such as heads and the channels of each, one can go."""
    for plane in planes[1:]:
        symbols.fix(plane, f"{what} takes them together with other channels")
    return planes[:1]


def _grouped(
    symbols: Symbols,
    channels: Tensor | None,
    inputs: Labelled,
    weight: Labelled,
    groups: int,
    transposed: bool,
    what: str,
) -> Labels:
    """Whole groups go: with all their inputs and outputs."""
    first = next((plane for plane in weight.planes if varying(plane) == {0}), None)
    for plane in weight.planes:
        if plane is not first:
            symbols.fix(plane, f"{what} is grouped: only whole groups of it can go")
    if first is None:
        if channels is not None:
            symbols.fix(channels, f"{what} has a weight that never changes its size")
        return Labels()
    blocks = first.reshape(groups, -1)
    symbols.join(blocks, blocks[:, :1], what)
    if channels is not None:
        symbols.join(
            channels.reshape(groups, -1), blocks[:, :1], f"{what} takes channels that stay"
        )
    elif inputs.labels is not None:
        symbols.fix(first, f"{what} takes channels that stay")
    outs = blocks
    if transposed:
        outs = blocks[:, :1].expand(groups, weight.shape[1])
    return Labels((outs.reshape([1, -1, *[1] * (len(weight.shape) - 2)]),))


def group_norm(symbols: Symbols, inputs: Labelled, groups: int, what: str) -> Labels:
    """Statistics over the channels of a group: whole groups can go, if there are several."""
    size = inputs.shape[1] // groups
    shape = (inputs.shape[0], groups, size, *inputs.shape[2:])
    planes = tuple(compact(plane.expand(inputs.shape).reshape(shape)) for plane in inputs.planes)
    result = reduced(symbols, Labelled(shape, Labels(planes)), range(2, len(shape)), what)
    return Labels(tuple(plane.squeeze(2).repeat_interleave(size, 1) for plane in result.planes))


def concatenated(symbols: Symbols, parts: Sequence[Labelled], dim: int, what: str) -> Labels | None:
    """Planes along `dim` follow one another; elsewhere the parts meet."""
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
    """A dimension is cut into parts of this size: each part loses as many as the others."""
    dim %= len(tensor.shape)
    total = tensor.shape[dim]
    if total % size or total == size:
        return
    for plane in tensor.planes:
        if dim in varying(plane):
            parts = plane.reshape(*plane.shape[:dim], total // size, size, *plane.shape[dim + 1 :])
            symbols.join(parts, first_of(parts, [dim]), "a split takes it apart unevenly")


def looked_up(symbols: Symbols, table: Labelled, dims: int, what: str) -> Labels:
    """Rows of a table by their numbers: its columns are the last of so many dimensions."""
    planes = []
    for plane in table.planes:
        if varying(plane) == {1}:
            planes.append(plane.reshape([*[1] * (dims - 1), -1]))
        else:
            symbols.fix(plane, f"{what} looks its channels up by their number")
    return Labels(tuple(planes))
