"""Label rules for matrix products and convolutions: contracted channels and produced channels."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from paretoprune.pruning.dependency.ops_elementwise import Labelled
from paretoprune.pruning.dependency.symbols import Labels, Symbols, first_of, varying


def product(symbols: Symbols, left: Labelled, right: Labelled, what: str) -> Labels | None:
    """Propagate labels through a batched matrix product, (b, m, k) by (b, k, n)."""
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
    """Return the planes along the contracted dimension, and the others."""
    inner, outer = [], []
    for plane in tensor.planes:
        along = varying(plane)
        if dim in along and 3 - dim in along:  # for example (batch and heads, channels of a head)
            first = first_of(plane, [dim])
            symbols.join(plane, first, f"{what} sums over channels that cannot be removed")
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
    """Join the contracted channels of both factors.

    Where they differ between batches, as the channels of heads do, all channels of a batch are
    joined, and the result keeps a plane.
    """
    batches = []
    for planes, partners, side in ((inner, across, sides[1]), (across, inner, sides[0])):
        for plane in planes:
            for partner in partners:
                symbols.join(
                    plane, partner, f"it is combined with channels that cannot be removed in {what}"
                )
            if not partners and side.labels is not None:
                symbols.fix(plane, f"it is combined with a tensor of fixed size in {what}")
            if plane.shape[0] > 1:
                first = first_of(plane, [2])
                symbols.join(plane, first, f"{what} sums over channels that cannot be removed")
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
                symbols.fix(plane, f"it is combined with a tensor of fixed size in {what}")
    if len(by_batch) < 2:
        return [*result, *by_batch]
    firsts = [first_of(plane, [1, 2]) for plane in by_batch]
    for plane, first in zip(by_batch, firsts, strict=True):
        symbols.join(plane, first, f"{what} reduces over channels that cannot be removed")
        symbols.join(first, firsts[0], f"{what} reduces over channels that cannot be removed")
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
    """Propagate labels from inputs (n, c, ...) through a convolution.

    The weight is (out, in / groups, ...), or (in, out / groups, ...) if transposed.
    """
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
            symbols.fix(plane, f"{what} takes channels that cannot be removed")
        elif channels is not None:
            symbols.join(
                place, channels, f"it is combined with channels that cannot be removed in {what}"
            )
    if not along_in and channels is not None:
        symbols.fix(channels, f"{what} has a weight of fixed size")
    return Labels(tuple(plane.reshape([1, -1, *[1] * (dims - 2)]) for plane in along_out))


def _channels(symbols: Symbols, inputs: Labelled, what: str) -> Tensor | None:
    """Return the plane along the channels, if there is one."""
    found: list[Tensor] = []
    for plane in inputs.planes:
        if varying(plane) == {1}:
            found.append(plane)
        else:
            symbols.fix(plane, f"{what} slides over its channels")
    return next(iter(_first_alone(symbols, found, what)), None)


def _first_alone(symbols: Symbols, planes: Sequence[Tensor], what: str) -> Sequence[Tensor]:
    """Keep one of several planes along a dimension, as of heads; fix the others."""
    for plane in planes[1:]:
        symbols.fix(plane, f"{what} takes them jointly with other channels")
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
    """Rule for grouped convolutions: whole groups are removed, with their inputs and outputs."""
    first = next((plane for plane in weight.planes if varying(plane) == {0}), None)
    for plane in weight.planes:
        if plane is not first:
            symbols.fix(plane, f"{what} is grouped: only whole groups of it can go")
    if first is None:
        if channels is not None:
            symbols.fix(channels, f"{what} has a weight of fixed size")
        return Labels()
    blocks = first.reshape(groups, -1)
    symbols.join(blocks, blocks[:, :1], what)
    if channels is not None:
        symbols.join(
            channels.reshape(groups, -1),
            blocks[:, :1],
            f"{what} takes channels that cannot be removed",
        )
    elif inputs.labels is not None:
        symbols.fix(first, f"{what} takes channels that cannot be removed")
    outs = blocks
    if transposed:
        outs = blocks[:, :1].expand(groups, weight.shape[1])
    return Labels((outs.reshape([1, -1, *[1] * (len(weight.shape) - 2)]),))
