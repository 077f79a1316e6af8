"""Names of a graph's inputs and outputs: arguments of `forward`, keys of its return value."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from paretoprune.errors import ExportError
from paretoprune.formats.format import INPUT, OUTPUT

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.export import ExportedProgram

    from paretoprune.tasks.inputs import Inputs

RESULT = "output"  # the name of a single output that has no key


def named_outputs(outputs: Any) -> dict[str, Tensor]:
    """Return the tensors of a nest of outputs by name.

    A tensor is `output`; entries of a mapping have their key, entries of a sequence a number:
    `output_0`; inner ones are `KEY_INNER`.
    """
    return dict(_flat(outputs, ""))


def _flat(value: Any, name: str) -> Iterator[tuple[str, Tensor]]:
    import torch

    if isinstance(value, torch.Tensor):
        yield name or RESULT, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}_{key}" if name else str(key))
    elif isinstance(value, tuple | list):
        fields = getattr(value, "_fields", None)
        prefix = name if fields else name or RESULT
        for key, inner in zip(fields or range(len(value)), value, strict=True):
            yield from _flat(inner, f"{prefix}_{key}" if prefix else str(key))


def named_inputs(model: nn.Module, inputs: Inputs) -> dict[str, Tensor]:
    """Return the arguments by the names of the model's `forward`, in the order of the call.

    A position without a name is `input_0`, `input_1` ...

    Raises:
        ExportError: an argument is a nest of tensors, which has no name in a graph.
    """
    from paretoprune.tasks.nest import tensors_in

    named = inputs.tensors_of(model)
    if len(named) != len(list(inputs)):
        nests = [
            str(key)
            for key, value in (*enumerate(inputs.args), *inputs.kwargs.items())
            if next(tensors_in(value), None) is not None and not hasattr(value, "dim")
        ]
        raise ExportError(
            f"a graph takes tensors by name, and the argument {nests[0]} is a list or mapping of "
            "tensors"
        )
    return {f"input_{name}" if name.isdigit() else name: one for name, one in named.items()}


def names_of(program: ExportedProgram) -> tuple[list[str], list[str]]:
    """Return the names of the inputs and the outputs of a traced model.

    A model that was traced with one tensor in and one out has `input` and `logits`.
    """
    _, keywords = program.call_spec.in_spec.children()
    outputs = program.call_spec.out_spec
    results = outputs.context if outputs.num_children else [RESULT]
    if keywords.num_children:
        return list(keywords.context), list(results)
    return [INPUT], list(results) if outputs.num_children else [OUTPUT]


def by_name(
    names: Sequence[str], args: Sequence[Tensor], kwargs: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Return the arguments of a call by name: those without a keyword are the first ones."""
    return {**dict(zip(names, args, strict=False)), **kwargs}


def as_called(found: Mapping[str, Tensor]) -> Any:
    """Return the tensor, where it is the only output and has no key; the mapping otherwise."""
    [*names] = found
    return found[names[0]] if names in ([OUTPUT], [RESULT]) else dict(found)


def with_names(model: nn.Module, inputs: Inputs) -> nn.Module:
    """Return a module that takes the tensors of a call by name, and gives a dict of tensors.

    Arguments that are no tensors are constants. A single tensor is returned as it is.

    Raises:
        ExportError: an argument is a nest of tensors.
    """
    import torch

    names = iter(named_inputs(model, inputs))

    def place(value: Any) -> str | None:
        return next(names) if isinstance(value, torch.Tensor) else None

    positions = [(place(value), value) for value in inputs.args]
    keywords = {key: (place(value), value) for key, value in inputs.kwargs.items()}

    def call(**named: Tensor) -> Any:
        args = [named[name] if name else value for name, value in positions]
        kwargs = {key: named[name] if name else value for key, (name, value) in keywords.items()}
        found = named_outputs(model(*args, **kwargs))
        return found[RESULT] if [*found] == [RESULT] else found

    called = torch.nn.Module()
    called.model = model
    called.forward = _called(call, list(named_inputs(model, inputs)))
    return called.eval()


def _called(call: Callable[..., Any], names: Sequence[str]) -> Callable[..., Any]:
    """Return a function with these parameters, by which torch.export knows them."""

    def forward(*args: Tensor, **named: Tensor) -> Any:
        return call(**by_name(names, args, named))

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter(name, kind) for name in names]
    forward.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return forward
