"""Memory limit for building a network that is described by a file."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode

from paretoprune.errors import WeightsError

_CGROUP = Path("/sys/fs/cgroup/memory.max")  # memory limit of a container
_BYTES = 4  # per element; parameters are float32 by default
_SHARE = 0.5  # of the memory, for the dense model; the rest is for a pruned copy
_MOST_TENSORS = 50_000  # the largest networks have some thousands; a corrupt file may have 1e10
# Operations that create tensors: of a given shape, or with the largest argument as their length.
_SHAPED = (
    "empty",
    "empty_strided",
    "full",
    "new_empty",
    "new_zeros",
    "ones",
    "rand",
    "randn",
    "zeros",
)
_COUNTED = ("arange", "linspace")


@contextmanager
def within_memory() -> Iterator[None]:
    """Inside, creating tensors beyond the available memory raises WeightsError before allocation.

    Without it, a width of 1e10 in a config would end the process, or fill the machine's memory.
    """
    with _Limited(_SHARE * memory_bytes()):
        yield


def memory_bytes() -> int:
    """Return the memory of this machine, or of this container if that is less."""
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    text = _CGROUP.read_text().strip() if _CGROUP.is_file() else "max"
    return min(there, int(text)) if text.isdigit() else there


class _Limited(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Dispatch mode that counts memory before allocation; freed memory is not subtracted."""

    def __init__(self, limit_bytes: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._bytes_left, self._tensors_left = limit_bytes, _MOST_TENSORS

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        shape = _shape_asked(func.overloadpacket.__name__, args)
        if shape is not None:
            self._bytes_left -= math.prod(shape) * _BYTES
            self._tensors_left -= 1
            if min(self._bytes_left, self._tensors_left) < 0:
                raise WeightsError(
                    f"the model needs more memory than this machine has, at a tensor of {shape}; "
                    "is a width or a number of layers in its config or data.json wrong?"
                )
        return func(*args, **(kwargs or {}))


def _shape_asked(name: str, args: Sequence[Any]) -> list[int] | None:
    """Return the shape of the tensor that an operation creates; None for every other operation."""
    if name in _SHAPED:
        return [int(size) for one in args if isinstance(one, list | tuple) for size in one]
    if name == "clone":  # layers are repeated by copies
        return list(args[0].shape)
    if name in _COUNTED:
        return [int(max(one for one in args if isinstance(one, int | float)))]
    return None
