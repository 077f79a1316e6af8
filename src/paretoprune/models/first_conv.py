"""Replacement of a network's first convolution, for other input channels or a smaller stride."""

from __future__ import annotations

from torch import nn


def replace_first_conv(model: nn.Module, *, in_channels: int, stride: int | None = None) -> None:
    """Replace the first `nn.Conv2d` of `model` for other input channels.

    Its stride is changed if `stride` is given. The new convolution has newly initialised weights;
    its other options are unchanged.
    """
    name, old = next((n, m) for n, m in model.named_modules() if isinstance(m, nn.Conv2d))
    new = nn.Conv2d(
        in_channels,
        old.out_channels,
        kernel_size=(old.kernel_size[0], old.kernel_size[1]),
        stride=(old.stride[0], old.stride[1]) if stride is None else stride,
        padding=old.padding if isinstance(old.padding, str) else (old.padding[0], old.padding[1]),
        bias=old.bias is not None,
    )
    nn.init.kaiming_normal_(new.weight, mode="fan_out", nonlinearity="relu")
    parent, _, attribute = name.rpartition(".")
    setattr(model.get_submodule(parent), attribute, new)
