"""Dispatch from operations of PyTorch to the rules of `ops_*` that propagate labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from paretoprune.pruning.dependency import ops_contraction, ops_elementwise, ops_layout
from paretoprune.pruning.dependency.call import Call, Result
from paretoprune.pruning.dependency.ops_elementwise import Labelled


class Unknown(Exception):
    """No rule is known for the operation."""


def follow(call: Call) -> Result:
    """Return the labels of the operation's result.

    Raises:
        Unknown: no rule is known for it.
    """
    if call.name in _RULES:
        return _RULES[call.name](call)
    if call.name.endswith("_like") or call.name.startswith("new_"):
        return None  # newly created, without channels
    if torch.Tag.pointwise in call.function.tags:
        return _pointwise(call)
    raise Unknown


def _pointwise(call: Call) -> Result:
    tensors = [one for one in tree_leaves((call.args, call.kwargs)) if isinstance(one, Tensor)]
    known = [Labelled(tuple(one.shape), call.labels.get(one)) for one in tensors]
    return ops_elementwise.pointwise(call.symbols, known, call.what)


def _reduce(call: Call) -> Result:
    inputs = call.at(0)
    dims = call.argument("dim")
    dims = [dims] if isinstance(dims, int) else dims or range(len(inputs.shape))
    sums = call.name in _SUMS
    labels = ops_elementwise.reduced(call.symbols, inputs, dims, call.what, sums=sums)
    result = next(one for one in tree_leaves(call.result) if isinstance(one, Tensor))
    if result.dim() < len(inputs.shape):
        return ops_elementwise.without_dims(labels, dims, len(inputs.shape))
    return labels


def _along(call: Call) -> Result:
    """Elements along `dim` depend on each other and keep their positions."""
    return ops_elementwise.reduced(call.symbols, call.at(0), [call.argument("dim")], call.what)


def _over_last(dims: int) -> Callable[[Call], Result]:
    """Rule for pooling and resizing: the last `dims` dimensions change, channels must not."""
    return lambda call: ops_elementwise.reduced(
        call.symbols, call.at(0), range(-dims, 0), call.what
    )


def _batch_norm(call: Call) -> Result:
    inputs = call.at(0)
    sides = call.sides(range(1, 5), 1, len(inputs.shape))
    return ops_elementwise.pointwise(call.symbols, [inputs, *sides], call.what)


def _layer_norm(call: Call) -> Result:
    inputs = call.at(0)
    labels = ops_elementwise.reduced(call.symbols, inputs, range(-len(call.args[1]), 0), call.what)
    call.symbols.use(labels)
    sides = [call.at(n) for n in range(2, 4) if _has_tensor(call, n)]
    return ops_elementwise.pointwise(
        call.symbols, [Labelled(inputs.shape, labels), *sides], call.what
    )


def _group_norm(call: Call) -> Result:
    inputs = call.at(0)
    labels = ops_elementwise.group_norm(call.symbols, inputs, call.argument("group"), call.what)
    sides = call.sides(range(1, 3), 1, len(inputs.shape))
    return ops_elementwise.pointwise(
        call.symbols, [Labelled(inputs.shape, labels), *sides], call.what
    )


def _convolve(call: Call) -> Result:
    labels = ops_contraction.convolution(
        call.symbols,
        call.at(0),
        call.at(1),
        call.argument("groups"),
        transposed=bool(call.argument("transposed")),
        what=call.what,
    )
    shape = tuple(call.result.shape)
    sides = call.sides(range(2, 3), 1, len(shape))
    return ops_elementwise.pointwise(call.symbols, [Labelled(shape, labels), *sides], call.what)


def _multiply(call: Call) -> Result:
    left, right = factors(call)
    labels = ops_contraction.product(
        call.symbols, call.at(left).aligned(3), call.at(right).aligned(3), call.what
    )
    if labels is not None and call.result.dim() == 2:
        labels = ops_elementwise.without_dims(labels, [0], 3)
    sides = [call.at(0)] if left == 1 else []
    shape = tuple(call.result.shape)
    return ops_elementwise.pointwise(call.symbols, [Labelled(shape, labels), *sides], call.what)


def factors(call: Call) -> tuple[int, int]:
    """Return the argument indices of the two factors of a matrix product; a bias precedes them."""
    return (1, 2) if call.name in ("addmm", "baddbmm") else (0, 1)


def _embedding(call: Call) -> Result:
    return ops_elementwise.looked_up(call.symbols, call.at(0), call.result.dim(), call.what)


def _has_tensor(call: Call, number: int) -> bool:
    return number < len(call.args) and isinstance(call.args[number], Tensor)


# Reductions to which zeros add nothing, as in the product of two embeddings and in its norm.
_SUMS = frozenset(["sum", "norm", "linalg_vector_norm"])
PRODUCTS = frozenset(["mm", "addmm", "bmm", "baddbmm"])
CONVOLUTIONS = frozenset(["convolution", "_convolution"])

_RULES: Mapping[str, Callable[[Call], Result]] = {
    name: rule
    for rule, names in {
        ops_layout.move: (
            "alias clone contiguous detach lift_fresh permute transpose t select unsqueeze "
            "squeeze unbind flip roll repeat index_select index unfold "
            "reflection_pad1d reflection_pad2d replication_pad2d pixel_shuffle pixel_unshuffle "
            "native_channel_shuffle channel_shuffle diagonal im2col repeat_interleave"
        ),
        ops_layout.expand: "expand",
        ops_layout.pad: "constant_pad_nd",
        ops_layout.view: "view _unsafe_view reshape _reshape_alias",
        ops_layout.same: "_to_copy",
        ops_layout.split: "split unsafe_split split_with_sizes unsafe_split_with_sizes",
        ops_layout.slice_out: "slice",
        ops_layout.concatenate: "cat stack",
        _pointwise: (  # in addition to those tagged as pointwise
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
        _embedding: "embedding",
    }.items()
    for name in names.split()
}

# Layout operations: they rearrange the elements of their first argument without arithmetic.
MOVES = frozenset(
    name
    for name, rule in _RULES.items()
    if rule in (ops_layout.move, ops_layout.expand, ops_layout.view, ops_layout.same)
)
