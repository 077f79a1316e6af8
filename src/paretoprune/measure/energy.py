"""Energy counters of a device, where they can be read. Energy is never estimated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

Meter = Callable[[], float]  # cumulative millijoules, monotonic

_POWERCAP = Path("/sys/class/powercap")


def energy_meter(device: torch.device, *, powercap: Path = _POWERCAP) -> Meter | None:
    """Return a reader of the device's energy: RAPL for a CPU, NVML for a GPU.

    RAPL is summed over all packages. None if there is no such counter, or it is not readable (RAPL
    often requires root).
    """
    if device.type == "cuda":
        return _nvml_meter(device)
    packages = [_Package(path) for path in sorted(powercap.glob("intel-rapl:[0-9]*"))]
    packages = [package for package in packages if package.path.name.count(":") == 1]
    try:
        for package in packages:
            package.read_mj()
    except (OSError, ValueError):
        return None
    return (lambda: sum(package.read_mj() for package in packages)) if packages else None


class _Package:
    """A RAPL counter of microjoules, which wraps around at `max_energy_range_uj`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._last_uj = self._before_uj = 0

    def read_mj(self) -> float:
        now_uj = int((self.path / "energy_uj").read_text())
        if now_uj < self._last_uj:
            self._before_uj += int((self.path / "max_energy_range_uj").read_text())
        self._last_uj = now_uj
        return (self._before_uj + now_uj) / 1e3


def _nvml_meter(device: torch.device) -> Meter | None:
    try:
        import pynvml

        pynvml.nvmlInit()
        uuid = f"GPU-{torch.cuda.get_device_properties(device).uuid}"
        handle = pynvml.nvmlDeviceGetHandleByUUID(uuid)
        pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)  # raises if unsupported
    except Exception:  # of the library, the driver or the card
        return None
    return lambda: float(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle))
