"""Tracing: the model as a graph without Python code, from which every format is written."""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from paretoprune.errors import ExportError
from paretoprune.formats.lengths import AXIS, has_length, length_of
from paretoprune.formats.names import named_inputs, with_names

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.export import ExportedProgram

    from paretoprune.tasks.inputs import Example, Inputs

Tracer = Callable[..., "ExportedProgram"]  # of `samples` and `any_length`


def tracer(model: nn.Module, example: Example) -> Tracer:
    """Return `trace` as a function of `samples` and `any_length` that traces each only once."""

    @cache
    def traced(samples: int | None, any_length: bool = False) -> ExportedProgram:
        return trace(model, example, samples=samples, any_length=any_length)

    return traced


def trace(
    model: nn.Module, example: Example, *, samples: int | None = None, any_length: bool = False
) -> ExportedProgram:
    """Return the graph of a model in evaluation mode, for any batch size, or for exactly `samples`.

    With `any_length` the number of positions of sequences (`formats/lengths.py`) may change, too,
    unless the graph needs it as a constant, which running it at another length shows.

    `example` is on the CPU; the model is copied there. The graph of one tensor is called like the
    model; that of several arguments takes tensors by the names of the model's arguments, and
    returns them by name.

    Raises:
        ExportError: the model does something that a graph cannot represent, such as branching on
            values; or `any_length`, and the inputs are no sequences.
    """
    import torch

    from paretoprune.tasks.inputs import inputs_of

    model = copy.deepcopy(model).cpu().eval()
    for tensor in [*model.parameters(), *model.buffers()]:
        tensor.data = _contiguous(tensor.data)
    inputs = inputs_of(example)
    # torch specialises on a batch size of one, so a dynamic one needs an example of two.
    inputs = inputs.joined([inputs, inputs])[: samples or max(2, len(inputs))].map(_contiguous)
    axes = _free_axes(inputs, samples=samples, any_length=any_length)
    args, kwargs = inputs.args, {}
    if not isinstance(example, torch.Tensor):
        model, args, kwargs = with_names(model, inputs), (), named_inputs(model, inputs)
    shapes = {name: axes(one) for name, one in kwargs.items()} if kwargs else (axes(*args),)
    try:
        with quiet():
            program = torch.export.export(model, args, kwargs, dynamic_shapes=shapes)
    except Exception as error:  # torch.export has no common error
        raise ExportError(f"torch.export cannot take it: {first_line(error)}") from error
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # contains paths of this machine
    return program


def _free_axes(
    inputs: Inputs, *, samples: int | None, any_length: bool
) -> Callable[[Tensor], dict[int, Any]]:
    """Return the axes of a tensor that are no constants, as torch.export takes them."""
    from torch.export import Dim

    length = length_of(inputs) if any_length else None
    if any_length and length is None:
        raise ExportError("the inputs are no sequences")
    batch = None if samples else Dim("batch", min=1)

    def axes(tensor: Tensor) -> dict[int, Any]:
        # a tensor without dimensions belongs to all samples
        found = {0: batch} if batch and tensor.dim() else {}
        is_sequence = length is not None and has_length(tensor, length)
        # AUTO: a constant that the model needs is found in the graph, and no error
        return found | ({AXIS: Dim.AUTO} if is_sequence else {})

    return axes


def _contiguous(tensor: Tensor) -> Tensor:
    """Return a contiguous copy, as inputs of other programs are: graphs keep the memory format."""
    import torch

    return tensor.clone(memory_format=torch.contiguous_format)


@contextmanager
def quiet() -> Iterator[None]:
    """Silence warnings and logs of exporters; the files are checked later."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def first_line(error: Exception) -> str:
    """Return the error's type and the first line of its message, for use in a sentence."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"[:300]
