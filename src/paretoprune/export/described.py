"""`inputs.json`: the tensors that an exported model takes and returns, for any language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from paretoprune.formats.format import INPUT, OUTPUT
from paretoprune.results import Argument, DataInfo

if TYPE_CHECKING:
    from torch import Tensor

_CLASSES = "a score for each class; the largest belongs to the class that is predicted"


def inputs_json(
    info: DataInfo,
    outputs: Mapping[str, Tensor],
    *,
    is_plain: bool,
    meanings: Mapping[str, str],
) -> dict[str, Any]:
    """Return names, shapes, dtypes and meanings of inputs and outputs.

    `outputs` are those for two samples. `meanings` are sentences by name, as the data module states
    them. A plain classifier has `input` and `logits`, whatever its argument is called.
    """
    inputs = [
        _input(one, INPUT if is_plain else graph_name(one), meanings) for one in info.arguments
    ]
    found = {
        "inputs": inputs,
        "outputs": [
            _output(tensor, OUTPUT if is_plain else name, info, meanings)
            for name, tensor in outputs.items()
        ],
    }
    return found | ({"classes": classes_of(info)} if info.num_classes else {})


def classes_of(info: DataInfo) -> list[str]:
    """Return the names of the classes, or their numbers as text."""
    return list(info.class_names or map(str, range(info.num_classes)))


def graph_name(argument: Argument) -> str:
    """Return the name of an argument in a graph."""
    return f"input_{argument.name}" if argument.name.isdigit() else argument.name


def _input(argument: Argument, name: str, meanings: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": name,
        "shape": ["batch", *argument.shape],
        "dtype": argument.dtype,
        "meaning": meanings.get(argument.name) or _meaning(argument),
    }


def _meaning(argument: Argument) -> str:
    given = "as the data module gives it"
    if argument.dtype == "bool":
        return f"true or false, {given}"
    if argument.largest is not None:
        return f"whole numbers, {given}; the largest of eight validation samples is " + str(
            argument.largest
        )
    return f"numbers, {given}"


def _output(
    tensor: Tensor, name: str, info: DataInfo, meanings: Mapping[str, str]
) -> dict[str, Any]:
    is_scores = tensor.dim() == 2 and info.num_classes and tensor.shape[1] == info.num_classes
    first = ["batch"] if tensor.dim() else []
    return {
        "name": name,
        "shape": [*first, *tensor.shape[1:]],
        "dtype": str(tensor.dtype).removeprefix("torch."),
        "meaning": meanings.get(name) or (_CLASSES if is_scores else "as the model returns it"),
    }
