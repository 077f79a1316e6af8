"""Which rule of `rules.py` or `mixing.py` an operation of PyTorch follows, with which arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from paretoprune.pruning import mixing, rules
from paretoprune.pruning.labels import Labels, Symbols, varying
from paretoprune.pruning.rules import Labelled

Result = Labels | None | list[Labels | None]  # a list has one for each tensor of the result


class Unknown(Exception):
    """No rule is known for this operation."""


@dataclass(frozen=True)
class Call:
    """One operation: what it was given, and what it gave."""

    symbols: Symbols
    function: Any
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    result: Any
    what: str  # for the user: which module, which operation
    labels: Mapping[Tensor, Labels]
    shapes: Sequence[Any]  # of `args` before the operation, which may work in place

    @property
    def name(self) -> str:
        """The operation's name; one that works in place counts as the one that does not."""
        name: str = self.function.overloadpacket.__name__
        return name[:-1] if name.endswith("_") and not name.startswith("_") else name

    def at(self, number: int) -> Labelled:
        """The tensor that is this argument."""
        return Labelled(tuple(self.shapes[number]), self.labels.get(self.args[number]))

    def argument(self, name: str) -> Any:
        """The argument of this name, or what it is by default."""
        for number, argument in enumerate(self.function._schema.arguments):
            if argument.name == name:
                given = number < len(self.args)
                return self.args[number] if given else self.kwargs.get(name, argument.default_value)
        return None

    def sides(self, numbers: range, dim: int, dims: int) -> list[Labelled]:
        """Arguments that are vectors, such as scales and biases, along this dimension."""
        return [self.at(n).along(dim, dims) for n in numbers if isinstance(self.args[n], Tensor)]


def follow(call: Call) -> Result:
    """The labels of what the operation gives.

    Raises:
        Unknown: no rule is known for it.
    """
    if call.name in _RULES:
        return _RULES[call.name](call)
    if call.name.endswith("_like") or call.name.startswith("new_"):
        return None  # made anew, of any size
    if torch.Tag.pointwise in call.function.tags:
        return _pointwise(call)
    raise Unknown


def _pointwise(call: Call) -> Result:
    tensors = [one for one in tree_leaves((call.args, call.kwargs)) if isinstance(one, Tensor)]
    known = [Labelled(tuple(one.shape), call.labels.get(one)) for one in tensors]
    return rules.pointwise(call.symbols, known, call.what)


def _move(call: Call) -> Result:
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

        return rules.moved(call.symbols, inputs, move)

    return [moved(number) for number in range(len(call.result))] if many else moved(0)


def _expand(call: Call) -> Result:
    """What has no channels, such as a mask, gets one for each repeat: heads, it may turn out."""
    inputs, shape = call.at(0), tuple(call.result.shape)
    if inputs.labels is None or inputs.planes:
        return _move(call)
    return rules.repeated(call.symbols, inputs.aligned(len(shape)), shape)


def _pad(call: Call) -> Result:
    """What is added beside channels never goes; what is added around them goes with them."""
    inputs, widths = call.at(0), call.args[1]
    padded = {len(inputs.shape) - 1 - n // 2 for n, width in enumerate(widths) if width}
    if inputs.labels is None:
        return None
    around = tuple(plane for plane in inputs.planes if not padded & varying(plane))
    beside = tuple(plane for plane in inputs.planes if padded & varying(plane))
    moved = rules.moved(
        call.symbols,
        Labelled(inputs.shape, Labels(beside)),
        lambda plane: call.function(plane, widths, 0),
    )
    return Labels((*around, *moved.planes))


def _view(call: Call) -> Result:
    """A plane has other strides than its tensor, so that a view of it may need a copy."""
    inputs = call.at(0)
    shape = tuple(call.result.shape)
    return inputs.labels and rules.moved(call.symbols, inputs, lambda plane: plane.reshape(shape))


def _same(call: Call) -> Result:
    return call.at(0).labels


def _split(call: Call) -> Result:
    inputs, dim, sizes = call.at(0), call.argument("dim"), call.args[1]
    if not isinstance(sizes, int):
        sizes = sizes[0] if len(set(sizes)) == 1 else inputs.shape[dim]
    rules.equal_parts(call.symbols, inputs, dim, sizes)
    return _move(call)


def _slice(call: Call) -> Result:
    """A part that is a whole share of the dimension loses as many as the other parts."""
    inputs, dim = call.at(0), call.argument("dim")
    limits = slice(call.argument("start"), call.argument("end"), call.argument("step"))
    start, end, step = limits.indices(inputs.shape[dim])
    if step == 1 and end > start and start % (end - start) == 0:
        rules.equal_parts(call.symbols, inputs, dim, end - start)
    return _move(call)


def _concatenate(call: Call) -> Result:
    dim = call.args[1] if len(call.args) > 1 else call.kwargs.get("dim", 0)
    parts = [Labelled(tuple(one.shape), call.labels.get(one)) for one in call.args[0]]
    parts = [part for part in parts if 0 not in part.shape] or parts  # nothing adds nothing
    if call.name == "stack":
        dim %= len(parts[0].shape) + 1
        parts = [part.with_dim(dim) for part in parts]
    return rules.concatenated(call.symbols, parts, dim % len(parts[0].shape), call.what)


def _reduce(call: Call) -> Result:
    inputs = call.at(0)
    dims = call.argument("dim")
    dims = [dims] if isinstance(dims, int) else dims or range(len(inputs.shape))
    labels = rules.reduced(call.symbols, inputs, dims, call.what)
    result = next(one for one in tree_leaves(call.result) if isinstance(one, Tensor))
    if result.dim() < len(inputs.shape):
        return rules.without_dims(labels, dims, len(inputs.shape))
    return labels


def _along(call: Call) -> Result:
    """Elements along `dim` depend on each other, and all stay where they are."""
    return rules.reduced(call.symbols, call.at(0), [call.argument("dim")], call.what)


def _over_last(dims: int) -> Callable[[Call], Result]:
    """Pooling and resizing: the last so many dimensions change, and channels are none of them."""
    return lambda call: rules.reduced(call.symbols, call.at(0), range(-dims, 0), call.what)


def _batch_norm(call: Call) -> Result:
    inputs = call.at(0)
    sides = call.sides(range(1, 5), 1, len(inputs.shape))
    return rules.pointwise(call.symbols, [inputs, *sides], call.what)


def _layer_norm(call: Call) -> Result:
    inputs = call.at(0)
    labels = rules.reduced(call.symbols, inputs, range(-len(call.args[1]), 0), call.what)
    call.symbols.use(labels)
    sides = [call.at(n) for n in range(2, 4) if _has_tensor(call, n)]
    return rules.pointwise(call.symbols, [Labelled(inputs.shape, labels), *sides], call.what)


def _group_norm(call: Call) -> Result:
    inputs = call.at(0)
    labels = rules.group_norm(call.symbols, inputs, call.argument("group"), call.what)
    sides = call.sides(range(1, 3), 1, len(inputs.shape))
    return rules.pointwise(call.symbols, [Labelled(inputs.shape, labels), *sides], call.what)


def _convolve(call: Call) -> Result:
    labels = mixing.convolution(
        call.symbols,
        call.at(0),
        call.at(1),
        call.argument("groups"),
        transposed=bool(call.argument("transposed")),
        what=call.what,
    )
    shape = tuple(call.result.shape)
    sides = call.sides(range(2, 3), 1, len(shape))
    return rules.pointwise(call.symbols, [Labelled(shape, labels), *sides], call.what)


def _multiply(call: Call) -> Result:
    left, right = factors(call)
    labels = mixing.product(
        call.symbols, call.at(left).aligned(3), call.at(right).aligned(3), call.what
    )
    if labels is not None and call.result.dim() == 2:
        labels = rules.without_dims(labels, [0], 3)
    sides = [call.at(0)] if left == 1 else []
    shape = tuple(call.result.shape)
    return rules.pointwise(call.symbols, [Labelled(shape, labels), *sides], call.what)


def factors(call: Call) -> tuple[int, int]:
    """Which arguments of a matrix product are multiplied; a bias stands before them."""
    return (1, 2) if call.name in ("addmm", "baddbmm") else (0, 1)


def _look_up(call: Call) -> Result:
    return rules.looked_up(call.symbols, call.at(0), call.result.dim(), call.what)


def _has_tensor(call: Call, number: int) -> bool:
    return number < len(call.args) and isinstance(call.args[number], Tensor)


PRODUCTS = frozenset(["mm", "addmm", "bmm", "baddbmm"])
CONVOLUTIONS = frozenset(["convolution", "_convolution"])

_RULES: Mapping[str, Callable[[Call], Result]] = {
    name: rule
    for rule, names in {
        _move: (
            "alias clone contiguous detach lift_fresh permute transpose t select unsqueeze "
            "squeeze unbind flip roll repeat index_select index unfold "
            "reflection_pad1d reflection_pad2d replication_pad2d pixel_shuffle pixel_unshuffle "
            "native_channel_shuffle channel_shuffle diagonal im2col repeat_interleave"
        ),
        _expand: "expand",
        _pad: "constant_pad_nd",
        _view: "view _unsafe_view reshape _reshape_alias",
        _same: "_to_copy",
        _split: "split unsafe_split split_with_sizes unsafe_split_with_sizes",
        _slice: "slice",
        _concatenate: "cat stack",
        _pointwise: (  # beside those that PyTorch tags so
            "copy fill zero masked_fill native_dropout hardswish _prelu_kernel floor_divide "
            "log_sigmoid_forward tril triu"
        ),
        _reduce: (
            "mean sum amax amin var var_mean std std_mean max min prod logsumexp argmax norm "
            "linalg_vector_norm all any"
        ),
        _along: "_softmax _log_softmax _safe_softmax cumsum sort topk",
        _over_last(1): "avg_pool1d upsample_linear1d upsample_nearest1d",
        _over_last(2): (
            "max_pool2d_with_indices avg_pool2d _adaptive_avg_pool2d adaptive_max_pool2d "
            "upsample_nearest2d upsample_bilinear2d upsample_bicubic2d _upsample_bilinear2d_aa "
            "_upsample_bicubic2d_aa grid_sampler_2d"
        ),
        _over_last(3): (
            "max_pool3d_with_indices avg_pool3d _adaptive_avg_pool3d upsample_nearest3d "
            "upsample_trilinear3d"
        ),
        _batch_norm: (
            "native_batch_norm cudnn_batch_norm _native_batch_norm_legit "
            "_native_batch_norm_legit_no_training"
        ),
        _layer_norm: "native_layer_norm _fused_rms_norm",
        _group_norm: "native_group_norm",
        _convolve: " ".join(CONVOLUTIONS),
        _multiply: " ".join(PRODUCTS),
        _look_up: "embedding",
    }.items()
    for name in names.split()
}

# These put the elements of their first argument elsewhere, and compute nothing with them.
MOVES = frozenset(name for name, rule in _RULES.items() if rule in (_move, _expand, _view, _same))
