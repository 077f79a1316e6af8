"""Running a model in another mode or in full precision, and leaving everything as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import backends, nn, no_grad
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def evaluating(*models: nn.Module) -> Iterator[None]:
    """Evaluation mode inside; afterwards every module is in the mode that it was in."""
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
    """Evaluation mode inside, but BatchNorm normalises by the batch, as it does in training.

    Afterwards modes and statistics are as they were.
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
    """No TF32 inside: it makes float32 convolutions on a GPU differ by a thousandth."""
    cudnn: Any = backends.cudnn  # whose types do not know `conv`
    before = cudnn.conv.fp32_precision, backends.cuda.matmul.fp32_precision
    try:
        cudnn.conv.fp32_precision = backends.cuda.matmul.fp32_precision = "ieee"
        yield
    finally:
        cudnn.conv.fp32_precision, backends.cuda.matmul.fp32_precision = before
