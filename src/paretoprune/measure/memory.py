"""The most memory that a model needs while it runs."""

from __future__ import annotations

import ctypes
import io
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch
from torch import Tensor, nn

from paretoprune.measure.engines import Engine
from paretoprune.measure.modes import evaluation_mode
from paretoprune.measure.timing import threads_set

_PASSES = 3
_PROCESS = Path("/proc/self")


def peak_memory_bytes(
    model: nn.Module, batch: Tensor, engine: Engine, *, threads: int
) -> int | None:
    """Bytes that the model's weights and passes of `batch` take at most.

    On a CPU it is how far the resident memory of a fresh process grows, so that nothing that ran
    before is counted; None where the system does not say (it takes Linux's /proc). On a graphics
    card it is what torch has allocated.
    """
    if batch.device.type == "cuda":
        return _peak_on_cuda(model, batch, engine, threads)
    stored = io.BytesIO()
    torch.save((model, batch), stored)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_growth, stored.getvalue(), engine, threads).result()


def _growth(stored: bytes, engine: Engine, threads: int) -> int | None:
    """In a process of its own: how far its memory grows."""
    _run(nn.Conv2d(4, 4, 3), torch.rand(1, 4, 8, 8), engine, threads)  # libraries load now
    try:
        _forget_the_peak()
        before = _resident_bytes("VmRSS")
        # The bytes come from our own process a moment ago.
        model, batch = torch.load(io.BytesIO(stored), weights_only=False)
        _run(model, batch, engine, threads)
        return _resident_bytes("VmHWM") - before
    except (OSError, AttributeError, StopIteration):
        return None


def _run(model: nn.Module, batch: Tensor, engine: Engine, threads: int) -> None:
    with evaluation_mode(model), threads_set(threads):
        run = engine(model, batch, threads=threads)
        for _ in range(_PASSES):
            run()


def _forget_the_peak() -> None:
    """Give freed memory back to the system, and let the high-water mark start from here."""
    ctypes.CDLL(None).malloc_trim(0)
    (_PROCESS / "clear_refs").write_text("5")  # proc(5)


def _resident_bytes(name: str) -> int:
    """A line of /proc/self/status, which is in KiB."""
    lines = (_PROCESS / "status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(name)).split()[1])


def _peak_on_cuda(model: nn.Module, batch: Tensor, engine: Engine, threads: int) -> int:
    device = batch.device
    model.cpu()
    torch.cuda.empty_cache()
    before = torch.cuda.memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    _run(model.to(device), batch, engine, threads)
    return int(torch.cuda.max_memory_allocated(device) - before)
