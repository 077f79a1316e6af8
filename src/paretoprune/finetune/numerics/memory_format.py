"""Channels-last memory format, in which convolutions run faster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn

from paretoprune.finetune.numerics.narrow_norm import folded_norms
from paretoprune.tasks.nest import Nest, map_tensors


def as_channels_last(batch: Nest) -> Nest:
    """Convert the images (N, C, H, W) of a batch to channels-last; leave other tensors alone."""
    return map_tensors(batch, _converted)


def _converted(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x


@contextmanager
def channels_last(model: nn.Module, device: torch.device) -> Iterator[None]:
    """Inside, the 2-d convolutions of `model` are in channels-last format.

    Afterwards their parameters are contiguous.
    """
    convolutions = [module for module in model.modules() if isinstance(module, nn.Conv2d)]
    with ExitStack() as hooks:
        if device.type == "cpu":
            hooks.enter_context(folded_norms(model))
        for convolution in convolutions:
            if device.type == "cpu" and _is_unsafe(convolution):
                handle = convolution.register_forward_pre_hook(_channels_first)
                hooks.callback(handle.remove)
            else:
                convolution.to(memory_format=torch.channels_last)
        try:
            yield
        finally:
            for convolution in convolutions:
                _restore(convolution)


def _is_unsafe(convolution: nn.Conv2d) -> bool:
    """Return True for strided 1x1 convolutions with few input channels.

    Shortcuts of pruned ResNets are examples. On CPUs, the gradient of their channels-last weights
    is wrong or crashes the process if the channels are fewer than a vector register holds (16 with
    AVX-512): https://github.com/uxlfoundation/oneDNN/issues/6035
    """
    few = convolution.in_channels // convolution.groups < 16
    return few and convolution.kernel_size == (1, 1) and convolution.stride != (1, 1)


def _channels_first(module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(x.contiguous() for x in inputs)


def _restore(convolution: nn.Conv2d) -> None:
    """Clone to contiguous format, also 1x1 weights, which `.to(memory_format=...)` skips."""
    for parameter in convolution.parameters():
        parameter.data = parameter.data.clone(memory_format=torch.contiguous_format)
