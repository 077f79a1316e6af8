"""The most memory that a model needs while it runs."""

from __future__ import annotations

import io
import multiprocessing
import resource
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

import torch
from torch import Tensor, nn

from paretoprune.measure.engines import Engine
from paretoprune.measure.modes import evaluation_mode
from paretoprune.measure.timing import threads_set

_PASSES = 3
_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes


def peak_memory_bytes(model: nn.Module, batch: Tensor, engine: Engine, *, threads: int) -> int:
    """Bytes that loading the model and running passes of `batch` take at most.

    On a CPU it is how far the resident memory of a fresh process grows, so that nothing that ran
    before is counted; on a graphics card what torch has allocated.
    """
    if batch.device.type == "cuda":
        return _peak_on_cuda(model, batch, engine, threads)
    stored = io.BytesIO()
    torch.save((model, batch), stored)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_growth, stored.getvalue(), engine, threads).result()


def _growth(stored: bytes, engine: Engine, threads: int) -> int:
    """In a process of its own: how far its memory grows."""
    _run(nn.Conv2d(4, 4, 3), torch.rand(1, 4, 8, 8), engine, threads)  # libraries load now
    before = _most_so_far()
    # The bytes come from our own process a moment ago.
    model, batch = torch.load(io.BytesIO(stored), weights_only=False)
    _run(model, batch, engine, threads)
    return _most_so_far() - before


def _run(model: nn.Module, batch: Tensor, engine: Engine, threads: int) -> None:
    with evaluation_mode(model), threads_set(threads):
        run: Callable[[], object] = engine(model, batch, threads=threads)
        for _ in range(_PASSES):
            run()


def _most_so_far() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MAXRSS_UNIT


def _peak_on_cuda(model: nn.Module, batch: Tensor, engine: Engine, threads: int) -> int:
    device = batch.device
    model.cpu()
    torch.cuda.empty_cache()
    before = torch.cuda.memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    _run(model.to(device), batch, engine, threads)
    return int(torch.cuda.max_memory_allocated(device) - before)
