"""Memory that this process may still take: of the machine, its container and its own limits."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_PROCESS = Path("/proc/self")
_MACHINE = Path("/proc/meminfo")
_CGROUPS = Path("/sys/fs/cgroup")
# Files of a control group of version 2, and of version 1: limit, use, and the entry of memory.stat
# for cached files, which are dropped before the group runs out (Linux, admin-guide/cgroup-v2.rst).
_VERSION_2 = ("memory.max", "memory.current", "inactive_file")
_VERSION_1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def available_bytes() -> int:
    """Return the bytes that can still be allocated before the process is killed or refused.

    The minimum of the machine's free memory, of the remaining limits of the control groups
    (containers, Slurm), and of the process's own limits (`ulimit -v`, `ulimit -d`).
    """
    left = [machine_bytes(_MACHINE), *group_bytes(_PROCESS, _CGROUPS), *limit_bytes(_PROCESS)]
    return max(0, min(left))


def machine_bytes(meminfo: Path) -> int:
    """Return the memory that is free or can be freed; all of it where the system does not say."""
    for line in _lines(meminfo):
        if line.startswith("MemAvailable:"):
            return 1024 * int(line.split()[1])
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def group_bytes(process: Path, root: Path) -> Iterator[int]:
    """Yield what is left of the limit of each control group that holds the process."""
    for line in _lines(process / "cgroup"):
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        top, files = (root / "memory", _VERSION_1) if controllers else (root, _VERSION_2)
        group = top / path.lstrip("/")
        # In a container its own group is mounted as the root, below which the path is missing.
        for folder in (group, *group.parents):
            if folder.is_relative_to(top) and (left := _left_in(folder, files)) is not None:
                yield left


def limit_bytes(process: Path) -> Iterator[int]:
    """Yield what is left of the limits of the process on its address space and its data."""
    try:
        import resource  # not on Windows
    except ImportError:
        return
    used = {
        name: value for name, _, value in (one.partition(":") for one in _lines(process / "status"))
    }
    for limit, name in ((resource.RLIMIT_AS, "VmSize"), (resource.RLIMIT_DATA, "VmData")):
        soft, _ = resource.getrlimit(limit)
        if soft != resource.RLIM_INFINITY and name in used:
            yield soft - 1024 * int(used[name].split()[0])


def _left_in(folder: Path, files: tuple[str, str, str]) -> int | None:
    """Return what is left of the limit of one control group; None if it has none."""
    limit, use, cached = files
    [most], [used] = (_lines(folder / name) or ["max"] for name in (limit, use))
    if not (most.isdigit() and used.isdigit()):
        return None
    stat = dict(line.split() for line in _lines(folder / "memory.stat"))
    return int(most) - int(used) + int(stat.get(cached, 0))


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text().splitlines()
    except OSError:
        return []
