"""Latency measurement as requested on a command line."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from paretoprune.errors import SettingsError


def device_of(request: Request) -> torch.device:
    """Return the device of a request.

    Raises:
        SettingsError: the device or the engine is not available.
    """
    if request.device == "cuda" and not torch.cuda.is_available():
        raise SettingsError(["`device=cuda`: torch sees no CUDA device; use `device=cpu`"])
    if request.device != "cpu" and request.engine != "torch":
        raise SettingsError([f"`engine={request.engine}` is measured on the CPU; use `device=cpu`"])
    return torch.device(request.device)


@dataclass(frozen=True)
class Request:
    """Options of a latency measurement."""

    device: str = "cpu"
    batch: int = 1
    threads: int = 1
    engine: str = "torch"
    repeats: int = 50
    sweeps_dir: str = "sweeps"
    trust: tuple[str, ...] = ()
