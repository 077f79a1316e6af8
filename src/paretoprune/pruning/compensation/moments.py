"""What a layer sees and misses on calibration data, as the sums that least squares needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, unfold

_ENOUGH = 2**14  # columns (a sample at a place) of one layer, or
_FOR_EACH_INPUT = 4  # so many for each input, if that is more


@dataclass(frozen=True)
class Moments:
    """Sums over samples and places, in float64. x has a last entry that is always 1."""

    inputs: Tensor  # x x^T, (inputs + 1, inputs + 1)
    missing: Tensor  # (wanted - given outputs) x^T, (outputs, inputs + 1)
    count: int

    def centred(self) -> Moments:
        """The sums for x and outputs without their means, and without the last entry of x."""
        means = self.inputs[:-1, -1] / self.count
        inputs = self.inputs[:-1, :-1] - self.count * torch.outer(means, means)
        missing = self.missing[:, :-1] - torch.outer(self.missing[:, -1], means)
        return Moments(inputs, missing, self.count)


def is_plain(module: nn.Module) -> bool:
    """Whether a layer's outputs are a matrix product with its inputs, spread out by `spread`."""
    if isinstance(module, nn.Conv2d):
        return module.groups == 1 and module.padding_mode == "zeros"
    return isinstance(module, nn.Linear)


def columns_of(layer: nn.Module, output: Tensor) -> Tensor:
    """The columns of a layer's outputs, as `at_columns` has them, that are looked at: enough.

    Every k-th; k is odd, so that no column of an image is left out.
    """
    count = output.numel() // output.shape[output_axis(layer)]
    assert isinstance(layer.weight, Tensor)
    enough = max(_ENOUGH, _FOR_EACH_INPUT * layer.weight[0].numel())
    every = max(1, count // enough)
    return torch.arange(0, count, every if every == 1 else every | 1, device=output.device)


def at_columns(layer: nn.Module, output: Tensor, columns: Tensor) -> Tensor:
    """A layer's outputs as (outputs, samples x places), of which only these columns."""
    return output.movedim(output_axis(layer), 0).flatten(1)[:, columns]


def moments_of(layer: nn.Module, entering: Tensor, wanted: Tensor, columns: Tensor) -> Moments:
    """The sums of one layer for what enters it and the outputs, at `columns`, that it should have.

    The products are in the precision of the inputs, what follows from them in float64.
    """
    assert isinstance(layer.weight, Tensor)
    x = _spread_at(layer, entering, columns)
    x = torch.cat([x, torch.ones_like(x[:1])])
    weight = layer.weight.flatten(1)
    bias = layer.bias if isinstance(layer.bias, Tensor) else torch.zeros_like(weight[:, 0])
    weight = torch.cat([weight, bias[:, None]], 1)
    missing = wanted - weight @ x
    return Moments((x @ x.T).double(), (missing @ x.T).double(), x.shape[1])


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


def output_axis(layer: nn.Module) -> int:
    """The dimension of a layer's output that counts its outputs."""
    return 1 if isinstance(layer, nn.Conv2d) else -1


def _spread_at(layer: nn.Module, entering: Tensor, columns: Tensor) -> Tensor:
    """The columns of `spread`, without those that are not wanted."""
    if not isinstance(layer, nn.Conv2d):
        return entering.reshape(-1, entering.shape[-1])[columns].T
    x = pad(entering, _padding(layer))
    windows = _windows(x, layer)
    height, width = windows.shape[2:4]
    sample, place = columns // (height * width), columns % (height * width)
    chosen = windows[sample, :, place // width, place % width]  # (columns, channels, kernel ...)
    return chosen.flatten(1).T


def _windows(x: Tensor, layer: nn.Conv2d) -> Tensor:
    """A view of padded inputs: (N, channels, output height, output width, kernel ...)."""
    kernel, stride, dilation = (
        _pair(layer.kernel_size),
        _pair(layer.stride),
        _pair(layer.dilation),
    )
    sizes = [
        (size - d * (k - 1) - 1) // s + 1
        for size, k, s, d in zip(x.shape[2:], kernel, stride, dilation, strict=True)
    ]
    steps = x.stride()[2:]
    return x.as_strided(
        (*x.shape[:2], *sizes, *kernel),
        (
            *x.stride()[:2],
            *(step * s for step, s in zip(steps, stride, strict=True)),
            *(step * d for step, d in zip(steps, dilation, strict=True)),
        ),
    )


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
