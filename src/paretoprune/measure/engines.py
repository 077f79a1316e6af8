"""What runs a model for measuring: PyTorch as it is, or an engine that a model is converted for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from paretoprune.graph import check_onnx_is_installed, onnx_bytes, open_onnx, run_onnx, trace
from paretoprune.measure.timing import Pass, wait


@dataclass(frozen=True)
class Engine:
    """How a model is made ready for an engine, and how the engine runs it.

    `convert(model, batch)` gives what the engine loads, which can be pickled; its cost is not
    measured. `load(converted, batch, threads)` gives a forward pass on `batch`, done when it
    returns. The model is in evaluation mode, and torch computes with `threads` threads.
    """

    convert: Callable[[nn.Module, Tensor], Any]
    load: Callable[[Any, Tensor, int], Pass]


def _load_torch(model: nn.Module, batch: Tensor, threads: int) -> Pass:
    """PyTorch, eager, in inference mode."""

    def run() -> None:
        with torch.inference_mode():
            model(batch)
        wait(batch.device)

    return run


def _convert_onnx(model: nn.Module, batch: Tensor) -> bytes:
    """The content of an ONNX file. Raises ExportError for a model that ONNX cannot hold."""
    check_onnx_is_installed()
    return onnx_bytes(trace(model, torch.cat([batch, batch])))  # tracing needs two samples


def _load_onnx(content: bytes, batch: Tensor, threads: int) -> Pass:
    """onnxruntime on the CPU, with threads of its own."""
    session, inputs = open_onnx(content, threads=threads), batch.numpy()
    return lambda: run_onnx(session, inputs)


ENGINES: Mapping[str, Engine] = {
    "torch": Engine(lambda model, batch: model, _load_torch),
    "onnxruntime": Engine(_convert_onnx, _load_onnx),
}
