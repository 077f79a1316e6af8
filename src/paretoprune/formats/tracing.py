"""The model as a graph without Python code, from which every format is written."""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from paretoprune.errors import ExportError

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.export import ExportedProgram

Tracer = Callable[[int | None], "ExportedProgram"]


def tracer(model: nn.Module, example: Tensor) -> Tracer:
    """`trace` as a function of the number of samples, which traces each only once."""
    return cache(lambda samples: trace(model, example, samples=samples))


def trace(model: nn.Module, example: Tensor, *, samples: int | None = None) -> ExportedProgram:
    """The graph of a model in eval mode, for any number of samples, or for so many.

    `example` lies on the CPU; the model is copied there.

    Raises:
        ExportError: the model does what a graph cannot hold, such as branching on values.
    """
    import torch

    # torch takes a size of one for a constant, so that any number needs an example of two.
    example = torch.cat([example, example])[: samples or max(2, len(example))]
    example, model = _usual_order(example), copy.deepcopy(model).cpu().eval()
    for tensor in [*model.parameters(), *model.buffers()]:
        tensor.data = _usual_order(tensor.data)
    shapes = None if samples else ({0: torch.export.Dim("batch", min=1)},)
    try:
        with quiet():
            program = torch.export.export(model, (example,), dynamic_shapes=shapes)
    except Exception as error:  # torch.export has no common error
        raise ExportError(f"torch.export cannot take it: {first_line(error)}") from error
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # paths of this machine, which are nobody's business
    return program


def _usual_order(tensor: Tensor) -> Tensor:
    """A copy in the order in memory that a stranger's inputs have: graphs keep that of training."""
    import torch

    return tensor.clone(memory_format=torch.contiguous_format)


@contextmanager
def quiet() -> Iterator[None]:
    """Silence what exporters say of their own insides; that the files are right is proved later."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def first_line(error: Exception) -> str:
    """The error's kind and the first line of its message, for a sentence."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'without a word'}"[:300]
