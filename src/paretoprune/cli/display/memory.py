"""Errors of memory that ran out, with the limit that was reached (`ulimit -v`, `ulimit -d`)."""

from __future__ import annotations

from pathlib import Path

_STATUS = Path("/proc/self/status")
_GB = 1e9
# Of Python, of PyTorch's allocators for the CPU and for GPUs, of the loader of shared libraries,
# and of the system.
_SIGNS = (
    *("MemoryError", "std::bad_alloc", "DefaultCPUAllocator", "CUDA out of memory"),
    *("failed to map segment", "cannot allocate memory", "can't allocate memory"),
)


def memory_sentence(error: BaseException, *, status: Path = _STATUS) -> str | None:
    """Return a sentence for an error of memory that ran out; None for any other error.

    `status` is the system's file about the process.
    """
    text = f"{type(error).__name__}: {error}".lower()
    if not any(sign.lower() in text for sign in _SIGNS):
        return None
    advice = "choose a smaller network or a smaller `data.batch_size`"
    if limit := _limit(status):
        option, most, used = limit
        return (
            f"the memory ran out: `ulimit -{option}` allows this process {most / _GB:.3g} GB of "
            f"addresses, and {used / _GB:.3g} GB are in use, most of them by PyTorch's libraries; "
            f"raise it (`ulimit -{option} unlimited`), or {advice}"
        )
    return f"the memory ran out ({type(error).__name__}); {advice}, or a machine with more memory"


def _limit(status: Path) -> tuple[str, int, int] | None:
    """Return the option of `ulimit`, the limit and what is used, in bytes; None without a limit."""
    try:
        import resource  # not on Windows

        lines = status.read_text().splitlines()
    except (ImportError, OSError, MemoryError):
        return None
    used = {name: value.split() for name, _, value in (one.partition(":") for one in lines)}
    limits = (("v", resource.RLIMIT_AS, "VmPeak"), ("d", resource.RLIMIT_DATA, "VmData"))
    for option, number, name in limits:
        soft, _ = resource.getrlimit(number)
        if soft != resource.RLIM_INFINITY and name in used:
            return option, soft, 1024 * int(used[name][0])
    return None
