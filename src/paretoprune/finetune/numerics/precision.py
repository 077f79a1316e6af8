"""Selection of bfloat16 training, on devices that are faster with it and compute it correctly."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Literal

import torch
from torch import Tensor, nn

from paretoprune.errors import SettingsError

_Convolution = nn.Conv1d | nn.Conv2d | nn.Conv3d


def uses_bfloat16(precision: Literal["auto", "32", "bf16"], device: torch.device) -> bool:
    """Return True to train with bfloat16 autocast. Weights and optimizer state are always float32.

    Raises:
        SettingsError: "bf16" is requested and the device does not support it.
    """
    if precision == "bf16" and device.type == "cuda" and not _is_native(device):
        raise SettingsError(
            ["`precision=bf16` needs a GPU that computes in bfloat16; set `precision=auto`"]
        )
    return precision == "bf16" or (precision == "auto" and _is_native(device))


def _is_native(device: torch.device) -> bool:
    """Return True for native bfloat16; emulation is several times slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        able = torch.cpu.get_capabilities()
        return bool(able.get("avx512_bf16") or able.get("amx_bf16"))
    return False


@contextmanager
def narrow_in_float32(model: nn.Module) -> Iterator[None]:
    """Exclude convolutions with a stride over their input's width from CPU autocast.

    oneDNN's gradient of a bfloat16 weight is uninitialised memory there, at each kernel position
    that meets padding only (torch 2.14.1, AVX-512): networks made for larger images, such as a
    ResNet-18 on 8x8, would be trained to weights of 1e30 without a NaN.
    """
    before: list[bool] = []

    def leave(module: _Convolution, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        before.append(torch.is_autocast_enabled("cpu"))
        if not before[-1] or inputs[0].shape[-1] >= module.stride[-1]:
            return inputs
        torch.set_autocast_enabled("cpu", False)
        return tuple(x.float() for x in inputs)

    def back(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        torch.set_autocast_enabled("cpu", before.pop())

    with ExitStack() as hooks:
        for module in model.modules():
            if not isinstance(module, _Convolution):
                continue
            if module.stride[-1] > 1 and module.kernel_size[-1] > 1:
                hooks.callback(module.register_forward_pre_hook(leave).remove)
                hooks.callback(module.register_forward_hook(back, always_call=True).remove)
        yield
