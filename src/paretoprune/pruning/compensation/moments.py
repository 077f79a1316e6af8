"""What a layer sees and misses on calibration data, as the sums that least squares needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, unfold

_MOST = 2**23  # numbers of a layer's inputs, spread out for a matrix product, at a time
_ENOUGH = 2**16  # places, over all batches, for the sums of one layer


@dataclass(frozen=True)
class Moments:
    """Sums over samples and places, in float64. x has a last entry that is always 1."""

    inputs: Tensor  # x x^T, (inputs + 1, inputs + 1)
    missing: Tensor  # (wanted - given outputs) x^T, (outputs, inputs + 1)
    count: int


def is_plain(module: nn.Module) -> bool:
    """Whether a layer's outputs are a matrix product with its inputs, spread out by `spread`."""
    if isinstance(module, nn.Conv2d):
        return module.groups == 1 and module.padding_mode == "zeros"
    return isinstance(module, nn.Linear)


def order_of_layers(model: nn.Module, inputs: Tensor) -> list[str]:
    """The paths of the plain layers that a forward pass runs once, in the order it runs them."""
    seen: list[str] = []
    handles = [
        module.register_forward_pre_hook(lambda _module, _args, path=path: seen.append(path))
        for path, module in model.named_modules()
        if is_plain(module)
    ]
    try:
        model(inputs)
    finally:
        for handle in handles:
            handle.remove()
    return [path for path in seen if seen.count(path) == 1]


def moments_of(
    model: nn.Module,
    reference: nn.Module,
    path: str,
    rows: Tensor | None,
    batches: Sequence[Tensor],
) -> Moments:
    """The sums for one layer: what it gets in `model`, and how far it is from the reference.

    `rows` are the reference's outputs that the model's layer still has, None for all.
    """
    layer = model.get_submodule(path)
    total: Moments | None = None
    for batch in batches:
        with _recorded(reference, path) as wanted:
            reference(batch)
        with _recorded(model, path) as given:
            model(batch)
        (_, target), (entering, output) = wanted[0], given[0]
        if rows is not None:
            target = target.index_select(_output_axis(layer), rows)
        for x, gap in _pieces(layer, entering, target - output, enough=_ENOUGH // len(batches)):
            part = Moments(x @ x.T, gap @ x.T, x.shape[1])
            total = part if total is None else _sum(total, part)
    assert total is not None
    return total


def spread(layer: nn.Module, entering: Tensor) -> Tensor:
    """A layer's inputs as (inputs, samples x places), so that weight @ them are its outputs."""
    if isinstance(layer, nn.Conv2d):
        return (
            unfold(
                pad(entering, _padding(layer)),
                _pair(layer.kernel_size),
                dilation=_pair(layer.dilation),
                stride=_pair(layer.stride),
            )
            .movedim(1, 0)
            .flatten(1)
        )
    return entering.reshape(-1, entering.shape[-1]).T


def _pieces(
    layer: nn.Module, entering: Tensor, gap: Tensor, *, enough: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Inputs, with ones below, and gaps, as float64 matrices of a bounded size.

    Of more than `enough` samples and places, only every k-th; k is odd, so that no column of an
    image is left out.
    """
    count = gap.numel() // gap.shape[_output_axis(layer)]
    every = max(1, count // enough) | 1
    kernel = layer.weight.shape[2:].numel() if isinstance(layer, nn.Conv2d) else 1
    step = max(1, _MOST // max(1, entering[0].numel() * kernel))
    for first in range(0, len(entering), step):
        x = spread(layer, entering[first : first + step])[:, ::every].double()
        missing = gap[first : first + step].movedim(_output_axis(layer), 0).flatten(1)
        missing = missing[:, ::every].double()
        yield torch.cat([x, torch.ones_like(x[:1])]), missing


def _sum(one: Moments, other: Moments) -> Moments:
    return Moments(one.inputs + other.inputs, one.missing + other.missing, one.count + other.count)


@contextmanager
def _recorded(model: nn.Module, path: str) -> Iterator[list[tuple[Tensor, Tensor]]]:
    """Inside, what enters and leaves a layer is noted."""
    seen: list[tuple[Tensor, Tensor]] = []

    def note(_module: nn.Module, args: tuple[Any, ...], output: Tensor) -> None:
        seen.append((args[0], output))

    handle = model.get_submodule(path).register_forward_hook(note)
    try:
        yield seen
    finally:
        handle.remove()


def _output_axis(layer: nn.Module) -> int:
    return 1 if isinstance(layer, nn.Conv2d) else -1


def _padding(layer: nn.Conv2d) -> tuple[int, int, int, int]:
    """Left, right, top, bottom, as torch pads."""
    if layer.padding == "valid":
        return (0, 0, 0, 0)
    if layer.padding == "same":
        sizes = zip(_pair(layer.dilation), _pair(layer.kernel_size), strict=True)
        vertical, horizontal = (dilation * (kernel - 1) for dilation, kernel in sizes)
        left, top = horizontal // 2, vertical // 2
        return (left, horizontal - left, top, vertical - top)
    top, left = _pair(layer.padding)
    return (left, left, top, top)


def _pair(value: Any) -> tuple[int, int]:
    first, second = value
    return int(first), int(second)
