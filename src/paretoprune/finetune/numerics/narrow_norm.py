"""BatchNorm over few channels on a CPU: adjacent pixels are folded into channels.

In channels-last format PyTorch processes the channels of one pixel at a time; with few channels
most of a vector register is unused, and narrow networks spend half of their training there. A row
of W pixels with C channels is also one of W / k pixels with k C channels, as a view. So the same
kernels run on wide rows, and their results are combined: the mean and variance of a channel are
those of its k copies taken together, and likewise for sums of gradients.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

_NARROW = 16  # channels; from here on PyTorch's own kernel is as fast
_WIDE = 128  # channels of a folded row, at most

_aten = torch.ops.aten


@contextmanager
def folded_norms(model: nn.Module) -> Iterator[None]:
    """Inside, the narrow `BatchNorm2d` of `model` fold channels-last inputs."""
    norms = [m for m in model.modules() if type(m) is nn.BatchNorm2d and _is_narrow(m)]
    for norm in norms:
        vars(norm)["forward"] = partial(_forward, norm)  # an attribute, not in the state
    try:
        yield
    finally:
        for norm in norms:
            del vars(norm)["forward"]


def _is_narrow(norm: nn.BatchNorm2d) -> bool:
    """Return True for few channels with default weights and running statistics."""
    return (
        norm.num_features < _NARROW
        and norm.affine
        and norm.track_running_stats
        and norm.momentum is not None
    )


def _forward(norm: nn.BatchNorm2d, x: Tensor) -> Tensor:
    """Compute `norm(x)` for x (N, C, H, W)."""
    times = _times(x)
    if times == 1 or (torch.is_grad_enabled() and not norm.training):  # unsupported
        return nn.BatchNorm2d.forward(norm, x)
    weight, bias, momentum = norm.weight, norm.bias, norm.momentum
    mean, var, count = norm.running_mean, norm.running_var, norm.num_batches_tracked
    assert momentum is not None and mean is not None and var is not None and count is not None
    if not norm.training:
        return _normalised(x, weight, bias, mean, var, norm.eps, times)
    y: Tensor
    y, batch_mean, batch_var = _FoldedNorm.apply(x, weight, bias, norm.eps, times)
    with torch.no_grad():
        size = x.numel() // x.shape[1]
        count.add_(1)
        mean.lerp_(batch_mean, momentum)
        var.lerp_(batch_var * (size / (size - 1)), momentum)
    return y


def _times(x: Tensor) -> int:
    """Return the number of pixels to fold: a power of two that divides the row, or 1."""
    if x.dim() != 4 or not x.is_contiguous(memory_format=torch.channels_last):
        return 1
    times = 1
    while x.shape[3] % (2 * times) == 0 and 2 * times * x.shape[1] <= _WIDE:
        times *= 2
    return times


class _FoldedNorm(torch.autograd.Function):
    """Normalises by batch statistics: returns y, and each channel's mean and (biased) variance."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float, times: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        mean, var = _statistics(x, times, dtype=weight.dtype)
        ctx.save_for_backward(x, weight, mean, var)
        ctx.eps, ctx.times = eps, times
        ctx.mark_non_differentiable(mean, var)
        return _normalised(x, weight, bias, mean, var, eps, times), mean, var

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, grad: Tensor, _mean: Tensor, _var: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, None, None]:
        """Return the gradients of x, weight and bias.

        With g = d loss / d y: weight / sqrt(var) (g - mean of g - normalised x mean of g x).
        """
        x, weight, mean, var = ctx.saved_tensors
        eps, times = ctx.eps, ctx.times
        scaled, grad_weight, grad_bias = _aten.native_batch_norm_backward(
            _folded(grad.contiguous(memory_format=torch.channels_last), times),
            _folded(x, times),
            weight.repeat(times),
            mean.repeat(times),
            var.repeat(times),
            None,
            None,
            False,  # as if the statistics were constants: gradients times weight / sqrt(var)
            eps,
            (True, True, True),
        )
        grad_weight = grad_weight.view(times, -1).sum(0)
        grad_bias = grad_bias.view(times, -1).sum(0)
        each = weight * (var + eps).rsqrt() / (x.numel() // x.shape[1])
        through_statistics = _normalised(
            x, each * grad_weight, each * grad_bias, mean, var, eps, times
        )
        return (
            _unfolded(scaled, x.shape).sub_(through_statistics),
            grad_weight,
            grad_bias,
            None,
            None,
        )


def _statistics(x: Tensor, times: int, *, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Return mean and biased variance of each channel in `dtype`, whatever the dtype of `x`."""
    folded = _folded(x, times)
    unused = torch.zeros(folded.shape[1], dtype=dtype)  # running statistics, which set the dtype
    mean, var = _aten.batch_norm_update_stats(folded, unused, unused.clone(), 0.0)
    mean, var = mean.view(times, -1), var.view(times, -1)
    return mean.mean(0), var.mean(0) + mean.var(0, correction=0)


def _normalised(
    x: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, var: Tensor, eps: float, times: int
) -> Tensor:
    """(x - mean) / sqrt(var + eps) * weight + bias."""
    y = torch.empty_like(x)  # not a view, which an in-place ReLU could not modify
    unused = weight.new_empty(0)
    _aten.native_batch_norm.out(
        _folded(x, times),
        weight.repeat(times),
        bias.repeat(times),
        mean.repeat(times),
        var.repeat(times),
        False,
        0.0,
        eps,
        out=_folded(y, times),
        save_mean=unused,
        save_invstd=unused.clone(),
    )
    return y


def _folded(x: Tensor, times: int) -> Tensor:
    """View (N, C, H, W) as (N, times * C, H, W / times); the copies of a channel are C apart."""
    count, channels, height, width = x.shape
    rows = x.permute(0, 2, 3, 1).reshape(count, height, width // times, times * channels)
    return rows.permute(0, 3, 1, 2)


def _unfolded(x: Tensor, shape: torch.Size) -> Tensor:
    count, channels, height, width = shape
    return x.permute(0, 2, 3, 1).reshape(count, height, width, channels).permute(0, 3, 1, 2)
