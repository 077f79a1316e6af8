"""Name of the device."""

from __future__ import annotations

import platform
from pathlib import Path

import torch


def device_name(device: torch.device) -> str:
    """Return the name of the processor or the graphics card."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else _cpu_name()


def lacks_vnni(flags: str | None = None) -> bool:
    """Return True for an x86 processor without integer dot products (VNNI, AMX).

    Such a processor multiplies bytes by `vpmaddubsw`, whose sums of two products saturate at 16
    bits. `flags` are those of /proc/cpuinfo, read from there if not given; False if there are none.
    """
    known = (_cpu_entry("flags") if flags is None else flags).split()
    return bool(known) and not {"avx512_vnni", "avx_vnni", "amx_int8"} & {*known}


def _cpu_name() -> str:
    """Return the processor's name from /proc/cpuinfo; elsewhere its kind."""
    return _cpu_entry("model name") or platform.processor() or platform.machine()


def _cpu_entry(name: str) -> str:
    """Return an entry of the first processor in /proc/cpuinfo; empty if there is none."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    found = [line.partition(":")[2].strip() for line in lines if line.startswith(name)]
    return found[0] if found else ""
