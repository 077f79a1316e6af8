"""Gradient accumulation as a fallback when memory runs out."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable
from typing import TypeVar

import torch

_log = logging.getLogger(__name__)

MOST_PARTS = 64
T = TypeVar("T")


def accumulate_on_out_of_memory(train: Callable[[int], T]) -> T:
    """Return `train(parts)` for parts = 1, or else the first power of two that fits in memory.

    `train` must start from the same state each time. The gradients of the micro-batches add up to
    those of the batch; only BatchNorm statistics are over smaller batches. Other exceptions
    propagate.
    """
    parts = 1
    while True:
        try:
            return train(parts)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error) or parts >= MOST_PARTS:
                raise
        # Outside the `except`, whose traceback keeps every tensor of the failed step alive.
        parts *= 2
        _log.warning(
            "out of memory: restarting with gradient accumulation over %d micro-batches", parts
        )
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def is_out_of_memory(error: BaseException) -> bool:
    """Return True if the error is a failed allocation, on a GPU or on the CPU."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    # On the CPU torch raises a plain RuntimeError.
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)
