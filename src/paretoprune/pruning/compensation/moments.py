"""Second moments of inputs and output errors on calibration samples, for least squares."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from torch.nn.modules.conv import _ConvNd

from paretoprune.pruning.compensation.updatable import matrix_of, output_axis

ENOUGH = 2**13  # columns (one per sample and position) of a layer, or
_FOR_EACH_INPUT = 4  # this many per input, if that is more


@dataclass(frozen=True)
class Moments:
    """Sums over samples and positions, in float64, from which compensation solves for weights.

    x is a column of the layer's inputs (im2col for a convolution) with a last entry of 1, which
    stands for the bias.

    Attributes:
        inputs: the sum of x x^T, (inputs + 1, inputs + 1).
        missing: the sum of (wanted - given outputs) x^T, (outputs, inputs + 1).
        count: number of columns.
    """

    inputs: Tensor
    missing: Tensor
    count: int

    def centred(self) -> Moments:
        """Return the centred sums for x and outputs, without the last entry of x."""
        means = self.inputs[:-1, -1] / self.count
        inputs = self.inputs[:-1, :-1] - self.count * torch.outer(means, means)
        missing = self.missing[:, :-1] - torch.outer(self.missing[:, -1], means)
        return Moments(inputs, missing, self.count)


def columns_of(
    layer: nn.Module, output: Tensor, valid: Tensor | None = None, *, enough: int = ENOUGH
) -> Tensor:
    """Return the indices of the output columns that are used: every k-th, with `enough` of them.

    k is odd, so that all columns of an image occur over the samples. Where outputs have the
    positions of the mask `valid` (N, positions), those at which it is False are left out.
    """
    count = output.numel() // output.shape[output_axis(layer)]
    known = torch.arange(count, device=output.device)
    if valid is not None and _positions(layer, output) == tuple(valid.shape):
        known = known[valid.to(output.device, torch.bool).flatten()]
    enough = max(enough, _FOR_EACH_INPUT * matrix_of(layer).shape[1])
    every = max(1, len(known) // enough)
    return known[:: every if every == 1 else every | 1]


def _positions(layer: nn.Module, output: Tensor) -> tuple[int, ...]:
    """Return the sizes of a layer's output without its channels."""
    sizes = list(output.shape)
    del sizes[output_axis(layer)]
    return tuple(sizes)


def at_columns(layer: nn.Module, output: Tensor, columns: Tensor) -> Tensor:
    """Return a layer's outputs as (outputs, samples x positions), restricted to these columns."""
    return output.movedim(output_axis(layer), 0).flatten(1)[:, columns]


def moments_of(layer: nn.Module, entering: Tensor, wanted: Tensor, columns: Tensor) -> Moments:
    """Compute the moments of a layer from its inputs and the wanted outputs at `columns`.

    The products are computed in the precision of the inputs, the rest in float64.
    """
    x = spread_at(layer, entering, columns)
    x = torch.cat([x, torch.ones_like(x[:1])])
    weight = matrix_of(layer)
    bias = layer.bias if isinstance(layer.bias, Tensor) else torch.zeros_like(weight[:, 0])
    weight = torch.cat([weight, bias[:, None]], 1)
    missing = wanted - weight @ x
    return Moments((x @ x.T).double(), (missing @ x.T).double(), x.shape[1])


def spread(layer: nn.Module, entering: Tensor) -> Tensor:
    """Return inputs as (inputs, samples x positions), so that weight @ inputs = outputs."""
    if not isinstance(layer, _ConvNd):
        return entering.reshape(-1, entering.shape[-1]).T
    dims = len(layer.kernel_size)
    places, kernel = range(2, 2 + dims), range(2 + dims, 2 + 2 * dims)
    by_input = _windows(layer, entering).permute(1, *kernel, 0, *places)
    return by_input.reshape(layer.weight[0].numel(), -1)


def spread_at(layer: nn.Module, entering: Tensor, columns: Tensor) -> Tensor:
    """Return these columns of `spread`."""
    if not isinstance(layer, _ConvNd):
        return entering.reshape(-1, entering.shape[-1])[columns].T
    windows = _windows(layer, entering)
    dims = len(layer.kernel_size)
    sizes = (windows.shape[0], *windows.shape[2 : 2 + dims])
    sample, *places = torch.unravel_index(columns, sizes)
    index: tuple[Tensor | slice, ...] = (sample, slice(None), *places)
    chosen = windows[index]  # (columns, channels, kernel ...)
    return chosen.flatten(1).T


def _windows(layer: _ConvNd, entering: Tensor) -> Tensor:
    """Return a view of padded inputs: (N, channels, output sizes ..., kernel ...)."""
    mode = "constant" if layer.padding_mode == "zeros" else layer.padding_mode
    x = pad(entering, _padding(layer), mode=mode)
    sizes = [
        (size - d * (k - 1) - 1) // s + 1
        for size, k, s, d in zip(
            x.shape[2:], layer.kernel_size, layer.stride, layer.dilation, strict=True
        )
    ]
    steps = x.stride()[2:]
    return x.as_strided(
        (*x.shape[:2], *sizes, *layer.kernel_size),
        (
            *x.stride()[:2],
            *(step * s for step, s in zip(steps, layer.stride, strict=True)),
            *(step * d for step, d in zip(steps, layer.dilation, strict=True)),
        ),
    )


def _padding(layer: _ConvNd) -> list[int]:
    """Return the padding before and after each dimension, the last one first, as torch pads."""
    if layer.padding == "valid":
        return [0, 0] * len(layer.kernel_size)
    if layer.padding == "same":
        sizes = zip(layer.dilation, layer.kernel_size, strict=True)
        totals = [dilation * (kernel - 1) for dilation, kernel in sizes]
        return [side for total in totals[::-1] for side in (total // 2, total - total // 2)]
    assert not isinstance(layer.padding, str)
    return [side for one in layer.padding[::-1] for side in (one, one)]
