"""`inputs.json`: the tensors that an exported model takes and returns, for any language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from paretoprune.formats.format import INPUT, OUTPUT
from paretoprune.formats.lengths import AXIS, length_of
from paretoprune.results import Argument, DataInfo
from paretoprune.results.exported import FileFacts
from paretoprune.tasks.stand_in import stand_in

if TYPE_CHECKING:
    from torch import Tensor

_CLASSES = "a score for each class; the largest belongs to the class that is predicted"


def inputs_json(
    info: DataInfo,
    outputs: Mapping[str, Tensor],
    *,
    is_plain: bool,
    meanings: Mapping[str, str],
    shorter: Mapping[str, Tensor] | None = None,
) -> dict[str, Any]:
    """Return names, shapes, dtypes and meanings of inputs and outputs.

    `outputs` are those for two samples, `shorter` those for sequences of another length, where a
    graph takes any. `meanings` are sentences by name, as the data module states them. A plain
    classifier has `input` and `logits`, whatever its argument is called.
    """
    length = length_of(stand_in(info, 2)) if shorter else None
    inputs = [
        _input(one, INPUT if is_plain else graph_name(one), meanings, length)
        for one in info.arguments
    ]
    found = {
        "inputs": inputs,
        "outputs": [
            _output(tensor, (shorter or {}).get(name), OUTPUT if is_plain else name, info, meanings)
            for name, tensor in outputs.items()
        ],
    }
    return found | ({"classes": classes_of(info)} if info.num_classes else {})


def lengths_json(files: Sequence[FileFacts]) -> dict[str, Any]:
    """Return the lengths of sequences that each graph takes: "any" or a number of positions."""
    graphs = [one for one in files if one.lengths]
    return {
        one.format: {
            "takes": "any" if one.is_any_length else one.lengths[0],
            "checked": one.lengths,
        }
        for one in graphs
    }


def classes_of(info: DataInfo) -> list[str]:
    """Return the names of the classes, or their numbers as text."""
    return list(info.class_names or map(str, range(info.num_classes)))


def graph_name(argument: Argument) -> str:
    """Return the name of an argument in a graph."""
    return f"input_{argument.name}" if argument.name.isdigit() else argument.name


def _input(
    argument: Argument, name: str, meanings: Mapping[str, str], length: int | None
) -> dict[str, Any]:
    shape: list[str | int] = ["batch", *argument.shape]
    if length and argument.shape and argument.shape[0] == length:
        shape[AXIS] = "length"
    return {
        "name": name,
        "shape": shape,
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
    tensor: Tensor, other: Tensor | None, name: str, info: DataInfo, meanings: Mapping[str, str]
) -> dict[str, Any]:
    is_scores = tensor.dim() == 2 and info.num_classes and tensor.shape[1] == info.num_classes
    return {
        "name": name,
        "shape": _shape(tensor, other),
        "dtype": str(tensor.dtype).removeprefix("torch."),
        "meaning": meanings.get(name) or (_CLASSES if is_scores else "as the model returns it"),
    }


def _shape(tensor: Tensor, other: Tensor | None) -> list[str | int]:
    """Return the sizes, with a name for those that are no constants."""
    first = ["batch"] if tensor.dim() else []
    own = tensor.shape[1:]
    pairs = zip(own, own if other is None else other.shape[1:], strict=True)
    return [*first, *(size if size == found else "length" for size, found in pairs)]
