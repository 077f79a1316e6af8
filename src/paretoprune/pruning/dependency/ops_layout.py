"""Label rules for layout operations, which rearrange elements: labels move with them."""

from __future__ import annotations

from torch import Tensor

from paretoprune.pruning.dependency import ops_elementwise
from paretoprune.pruning.dependency.call import Call, Result
from paretoprune.pruning.dependency.ops_elementwise import Labelled
from paretoprune.pruning.dependency.symbols import Labels, varying


def move(call: Call) -> Result:
    """Apply the operation itself to the symbols."""
    inputs = call.at(0)
    if inputs.labels is None:
        return None
    kwargs = {name: value for name, value in call.kwargs.items() if name != "dtype"}
    many = isinstance(call.result, list | tuple)

    def moved(number: int) -> Labels:
        def move(plane: Tensor) -> Tensor:
            result = call.function(plane, *call.args[1:], **kwargs)
            one: Tensor = result[number] if many else result
            return one

        return ops_elementwise.moved(call.symbols, inputs, move)

    return [moved(number) for number in range(len(call.result))] if many else moved(0)


def expand(call: Call) -> Result:
    """Give a tensor without channels, such as a mask, new symbols per repeat: they may be heads."""
    inputs, shape = call.at(0), tuple(call.result.shape)
    if inputs.labels is None or inputs.planes:
        return move(call)
    return ops_elementwise.repeated(call.symbols, inputs.aligned(len(shape)), shape)


def pad(call: Call) -> Result:
    """Keep planes that are padded at the ends of another dimension; padded channels are fixed."""
    inputs, widths = call.at(0), call.args[1]
    padded = {len(inputs.shape) - 1 - n // 2 for n, width in enumerate(widths) if width}
    if inputs.labels is None:
        return None
    around = tuple(plane for plane in inputs.planes if not padded & varying(plane))
    beside = tuple(plane for plane in inputs.planes if padded & varying(plane))
    moved = ops_elementwise.moved(
        call.symbols,
        Labelled(inputs.shape, Labels(beside)),
        lambda plane: call.function(plane, widths, 0),
    )
    return Labels((*around, *moved.planes))


def view(call: Call) -> Result:
    """Reshape the planes; they have other strides than the tensor, so that a copy may be needed."""
    inputs = call.at(0)
    shape = tuple(call.result.shape)
    return inputs.labels and ops_elementwise.moved(
        call.symbols, inputs, lambda plane: plane.reshape(shape)
    )


def same(call: Call) -> Result:
    """Return the labels unchanged."""
    return call.at(0).labels


def split(call: Call) -> Result:
    """Rule for splits: equal parts lose equally many indices."""
    inputs, dim, sizes = call.at(0), call.argument("dim"), call.args[1]
    if not isinstance(sizes, int):
        sizes = sizes[0] if len(set(sizes)) == 1 else inputs.shape[dim]
    ops_elementwise.equal_parts(call.symbols, inputs, dim, sizes)
    return move(call)


def slice_out(call: Call) -> Result:
    """Rule for slices: a part that divides the dimension evenly shrinks as the others do."""
    inputs, dim = call.at(0), call.argument("dim")
    limits = slice(call.argument("start"), call.argument("end"), call.argument("step"))
    start, end, step = limits.indices(inputs.shape[dim])
    if step == 1 and end > start and start % (end - start) == 0:
        ops_elementwise.equal_parts(call.symbols, inputs, dim, end - start)
    return move(call)


def concatenate(call: Call) -> Result:
    """Rule for `cat` and `stack`: parts are concatenated along `dim`."""
    dim = call.args[1] if len(call.args) > 1 else call.kwargs.get("dim", 0)
    parts = [Labelled(tuple(one.shape), call.labels.get(one)) for one in call.args[0]]
    parts = [part for part in parts if 0 not in part.shape] or parts  # skip empty parts
    if call.name == "stack":
        dim %= len(parts[0].shape) + 1
        parts = [part.with_dim(dim) for part in parts]
    return ops_elementwise.concatenated(call.symbols, parts, dim % len(parts[0].shape), call.what)
