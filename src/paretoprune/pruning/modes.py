"""Context managers that set evaluation mode or precision and restore the previous state."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import backends, nn, no_grad
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def evaluating(*models: nn.Module) -> Iterator[None]:
    """Set evaluation mode inside; afterwards restore the mode of every module."""
    modes = [(module, module.training) for model in models for module in model.modules()]
    try:
        for model in models:
            model.eval()
        yield
    finally:
        for module, training in modes:
            module.training = training


@contextmanager
def normalising_by_batch(model: nn.Module) -> Iterator[None]:
    """Set evaluation mode inside, except that BatchNorm uses batch statistics.

    Afterwards modes and running statistics are restored.
    """
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    statistics = [(norm, {n: b.clone() for n, b in norm.named_buffers()}) for norm in norms]
    with evaluating(model):
        for norm in norms:
            norm.training = True
        try:
            yield
        finally:
            with no_grad():
                for norm, before in statistics:
                    for name, buffer in norm.named_buffers():
                        buffer.copy_(before[name])


@contextmanager
def full_precision() -> Iterator[None]:
    """Disable TF32 inside: it changes float32 convolutions on a GPU by a relative 1e-3."""
    cudnn: Any = backends.cudnn  # its type stubs lack `conv`
    before = cudnn.conv.fp32_precision, backends.cuda.matmul.fp32_precision
    try:
        cudnn.conv.fp32_precision = backends.cuda.matmul.fp32_precision = "ieee"
        yield
    finally:
        cudnn.conv.fp32_precision, backends.cuda.matmul.fp32_precision = before
