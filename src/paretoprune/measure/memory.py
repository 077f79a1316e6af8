"""Peak memory of a forward pass."""

from __future__ import annotations

import ctypes
import io
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from paretoprune.measure.latency.engines import engine_named
from paretoprune.measure.latency.timing import threads_set
from paretoprune.tasks.inputs import Inputs

_PASSES = 3
_PROCESS = Path("/proc/self")


def peak_memory_bytes(
    models: Sequence[Any], batch: Inputs, engine: str, *, threads: int
) -> list[int | None]:
    """Return the peak memory in bytes of the weights of each model and passes of `batch`.

    The models are in evaluation mode and converted for the engine. On a CPU it is the growth of the
    resident memory of a separate process, which excludes earlier allocations; None if the system
    does not report it (it requires Linux's /proc). On a graphics card it is torch's allocated
    memory.
    """
    if batch.device.type == "cuda":
        return [_peak_on_cuda(model, batch, engine, threads) for model in models]
    stored = [_stored(model) for model in models]
    path = os.pathsep.join([*sys.path, os.environ.get("PYTHONPATH", "")])
    child = subprocess.run(
        [sys.executable, "-c", f"from {__name__} import answer; answer()", engine, str(threads)],
        input=pickle.dumps((stored, batch)),
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
        check=True,
    )
    return json.loads(child.stdout)  # type: ignore[no-any-return]


def _stored(model: Any) -> bytes:
    stream = io.BytesIO()
    torch.save(model, stream)
    return stream.getvalue()


def _growth(stored: bytes, batch: Inputs, engine: str, threads: int) -> int | None:
    """Return the growth of this process's memory when the model is loaded and run."""
    try:
        _reset_peak()
        before = _resident_bytes("VmRSS")
        # Safe to unpickle: the bytes come from the parent process.
        _run(torch.load(io.BytesIO(stored), weights_only=False), batch, engine, threads)
        return _resident_bytes("VmHWM") - before
    except (OSError, AttributeError, StopIteration):
        return None


def _run(model: Any, batch: Inputs, engine: str, threads: int) -> None:
    with threads_set(threads):
        run = engine_named(engine).load(model, batch, threads)
        for _ in range(_PASSES):
            run()


def _reset_peak() -> None:
    """Return freed memory to the system, and reset the high-water mark."""
    ctypes.CDLL(None).malloc_trim(0)
    (_PROCESS / "clear_refs").write_text("5")  # proc(5)


def _resident_bytes(name: str) -> int:
    """Return a value of /proc/self/status, which is in KiB, in bytes."""
    lines = (_PROCESS / "status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(name)).split()[1])


def _peak_on_cuda(model: nn.Module, batch: Inputs, engine: str, threads: int) -> int:
    device = batch.device
    model.cpu()
    torch.cuda.empty_cache()
    before = torch.cuda.memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    _run(model.to(device), batch, engine, threads)
    return int(torch.cuda.max_memory_allocated(device) - before)


def answer() -> None:
    """Entry point of the separate process: reads models from stdin, writes peaks to stdout."""
    engine, threads = sys.argv[1], int(sys.argv[2])
    stored, batch = pickle.loads(sys.stdin.buffer.read())
    _growth(stored[0], batch, engine, threads)  # warm-up: memory that the engine allocates once
    peaks = [_growth(each, batch, engine, threads) for each in stored]
    sys.stdout.write(json.dumps(peaks))
