"""Engines that run a model for measurement: PyTorch, or an engine that a model is converted for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from paretoprune.formats.format import Contents
from paretoprune.formats.registry import FORMATS, check_installed
from paretoprune.formats.tracing import trace
from paretoprune.measure.latency.clocks import Pass
from paretoprune.tasks.inputs import Inputs


@dataclass(frozen=True)
class Engine:
    """Conversion of a model for an engine, and its execution.

    `convert(model, batch)` returns what the engine loads, which must be picklable; its cost is not
    measured. `load(converted, batch, threads)` returns a forward pass on `batch`. The model is in
    evaluation mode, and torch computes with `threads` threads. With `own_threads` the engine
    computes in threads that it starts itself, so that the caller's thread clock does not count
    them.
    """

    convert: Callable[[nn.Module, Inputs], Any]
    load: Callable[[Any, Inputs, int], Pass]
    own_threads: bool = False


def _load_torch(model: nn.Module, batch: Inputs, threads: int) -> Pass:
    """Return a pass in PyTorch: eager, in inference mode."""

    def run() -> None:
        with torch.inference_mode():
            batch.run(model)

    return run


def _engine_of(name: str) -> Engine:
    """Return the engine of a format, on the CPU."""
    known = FORMATS[name]

    def convert(model: nn.Module, batch: Inputs) -> Contents:
        check_installed(name)
        return known.encode(trace(model, batch, samples=known.samples))

    def load(contents: Contents, batch: Inputs, threads: int) -> Pass:
        run = known.open(contents, threads)
        tensors = tuple(batch)
        return lambda: run(*tensors)

    return Engine(convert, load, own_threads=known.own_threads)


def engine_named(engine: str) -> Engine:
    """Return PyTorch (`torch`), or the engine of a format."""
    if engine == "torch":
        return Engine(lambda model, batch: model, _load_torch)
    return _engine_of(next(name for name, known in FORMATS.items() if known.engine == engine))
