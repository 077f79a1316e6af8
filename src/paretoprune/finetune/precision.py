"""Whether a training computes in bfloat16: only where the device is faster with it."""

from __future__ import annotations

from typing import Literal

import torch

from paretoprune.errors import SettingsError


def uses_bfloat16(precision: Literal["auto", "32", "bf16"], device: torch.device) -> bool:
    """Whether to train with bfloat16 autocast. Weights and optimizer stay in float32.

    Raises:
        SettingsError: "bf16" was asked for, and the device cannot do it.
    """
    if precision == "bf16" and device.type == "cuda" and not _is_native(device):
        raise SettingsError(
            ["`precision=bf16` needs a GPU that computes in bfloat16; set `precision=auto`"]
        )
    return precision == "bf16" or (precision == "auto" and _is_native(device))


def _is_native(device: torch.device) -> bool:
    """Other processors emulate bfloat16, which is several times slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        able = torch.cpu.get_capabilities()
        return bool(able.get("avx512_bf16") or able.get("amx_bf16"))
    return False
