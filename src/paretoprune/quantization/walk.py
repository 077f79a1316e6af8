"""Exported graph of a model with rounded weights: int8 buffers, BatchNorm folded into them."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, replace
from operator import getitem

import torch
from torch import Tensor
from torch.ao.quantization.fx import _decomposed  # noqa: F401  # registers the operators
from torch.fx import GraphModule, Node

from paretoprune.errors import QuantizationError
from paretoprune.formats.compact import Rounded
from paretoprune.formats.tracing import trace
from paretoprune.quantization.functional import functional
from paretoprune.quantization.weights import RoundedModel
from paretoprune.tasks.inputs import Inputs

_aten = torch.ops.aten

LAYERS = {
    _aten.conv1d.default,
    _aten.conv2d.default,
    _aten.conv3d.default,
    _aten.linear.default,
}
WEIGHT = "weight"  # key of a dequantized weight's name in the metadata of its node
_NAMED = "model."  # before names of a model that is traced with named inputs
# BatchNorm in evaluation mode, with and without decomposition.
_NORMS = {_aten._native_batch_norm_legit_no_training.default, _aten.batch_norm.default}
# Operators with weights for which no engine here has integer kernels.
_WITHOUT_KERNELS = {
    _aten.conv_transpose1d.default: "a transposed convolution",
    _aten.conv_transpose2d.input: "a transposed convolution",
    _aten.conv_transpose3d.input: "a transposed convolution",
    _aten.convolution.default: "a transposed convolution",
    _aten.lstm.input: "an LSTM",
    _aten.gru.input: "a GRU",
    _aten.rnn_tanh.input: "a recurrent layer",
    _aten.rnn_relu.input: "a recurrent layer",
    _aten.bilinear.default: "a bilinear layer",
}


@dataclass(frozen=True)
class _Weight:
    """A rounded weight with float32 step sizes, which a folded BatchNorm may have multiplied."""

    codes: Tensor  # int8, shaped like the weight
    steps: Tensor  # (outputs,)

    @classmethod
    def of(cls, weight: Rounded) -> _Weight:
        return cls(torch.tensor(weight.codes), torch.tensor(weight.steps))


def integer_graph(rounded: RoundedModel, samples: Tensor | Inputs) -> GraphModule:
    """Return the model as a graph with rounded weights as int8 buffers.

    It is traced with two of the samples; of several inputs, it takes tensors by name. Weights are
    dequantized where they are used. A BatchNorm behind a convolution or linear layer is
    folded into the step sizes and the bias.

    Raises:
        ExportError: the model cannot be exported as a graph.
        QuantizationError: a weight belongs to an operator without integer kernels.
    """
    module = functional(trace(rounded.model, samples[:2]))
    prefix = "" if isinstance(samples, Tensor) else _NAMED
    weights = {f"{prefix}{name}": _Weight.of(one) for name, one in rounded.weights.items()}
    _drop_guards(module)
    _check_operators(module, weights)
    for norm in [node for node in module.graph.nodes if node.target in _NORMS]:
        _fold(module, norm, weights)
    for node in _attributes(module):
        if node.target in weights and node.users:
            name = str(node.target)
            _dequantize(module, node, weights[name]).meta[WEIGHT] = name.removeprefix(prefix)
    module.graph.eliminate_dead_code()
    _drop_unused(module)
    module.recompile()
    for mode in ("train", "eval"):  # which exported modules refuse; the graph is the same in both
        vars(module).pop(mode, None)
    return module


def _attributes(module: GraphModule) -> list[Node]:
    return [node for node in module.graph.nodes if node.op == "get_attr"]


def _drop_guards(module: GraphModule) -> None:
    """Remove the checks of the input's shape, which prevent another export."""
    for node in list(module.graph.nodes):
        if node.op == "call_module" and not node.users:
            module.graph.erase_node(node)


def _check_operators(module: GraphModule, weights: Container[str]) -> None:
    for node in module.graph.nodes:
        if node.target in _WITHOUT_KERNELS:
            names = [str(n.target) for n in node.all_input_nodes if n.target in weights]
            raise QuantizationError(
                f"{_WITHOUT_KERNELS[node.target]} ({node.target}, weight "
                f"`{names[0] if names else node.name}`) has no integer kernel in any engine here; "
                "int8 takes convolutions and linear layers"
            )


def _fold(module: GraphModule, norm: Node, weights: dict[str, _Weight]) -> None:
    """Fold a BatchNorm into the preceding layer, if nothing else uses that layer or its weight."""
    layer = norm.args[0]
    assert isinstance(layer, Node)
    if layer.target not in LAYERS or len(layer.users) != 1:
        return
    weight = layer.args[1]
    assert isinstance(weight, Node)
    if weight.target not in weights or len(weight.users) != 1:
        return
    scale, shift, mean, var = (_value(module, node) for node in norm.args[1:5])
    eps = norm.args[6 if norm.target is not _aten.batch_norm.default else 7]
    assert mean is not None and var is not None and isinstance(eps, float)
    factor = (var + eps).rsqrt() * (1 if scale is None else scale)
    bias = _value(module, layer.args[2] if len(layer.args) > 2 else None)
    moved = factor * ((0 if bias is None else bias) - mean) + (0 if shift is None else shift)
    own = weights[str(weight.target)]
    weights[str(weight.target)] = replace(own, steps=own.steps * factor)
    new_bias = _buffer(module, layer, f"{layer.name}_bias", moved)
    layer.args = (*layer.args[:2], new_bias, *layer.args[3:])
    if norm.target is _aten.batch_norm.default:
        norm.replace_all_uses_with(layer)
        return
    for user in list(norm.users):
        assert user.target is getitem
        user.replace_all_uses_with(layer)


def _value(module: GraphModule, node: object) -> Tensor | None:
    """Return the parameter or buffer that a node reads; None for an absent argument."""
    if not isinstance(node, Node):
        return None
    path, _, name = str(node.target).rpartition(".")
    value: Tensor = getattr(module.get_submodule(path), name)
    return value.detach()


def _buffer(module: GraphModule, before: Node, name: str, value: Tensor) -> Node:
    """Register a new buffer of the module, as a node before another."""
    module.register_buffer(name, value)
    with module.graph.inserting_before(before):
        return module.graph.get_attr(name)


def _dequantize(module: GraphModule, node: Node, weight: _Weight) -> Node:
    """Replace a weight by its dequantized levels; return their node."""
    first = next(iter(module.graph.nodes))
    parts = {
        "codes": weight.codes,
        "scales": weight.steps,
        "zeros": torch.zeros(len(weight.steps), dtype=torch.int64),
    }
    codes, scales, zeros = (
        _buffer(module, first, f"{node.name}_{part}", value) for part, value in parts.items()
    )
    with module.graph.inserting_after(zeros):
        whole = module.graph.call_function(
            torch.ops.quantized_decomposed.dequantize_per_channel.default,
            (codes, scales, zeros, 0, -128, 127, torch.int8),
        )
    node.replace_all_uses_with(whole)
    return whole


def codes_of(module: GraphModule, weight: Node) -> Tensor:
    """Return the integers of a dequantized weight of `integer_graph`, as int32."""
    codes = _value(module, weight.args[0])
    assert codes is not None
    return codes.int()


def _drop_unused(module: GraphModule) -> None:
    """Remove parameters and buffers that the graph does not read, in particular float weights."""
    read = {str(node.target) for node in _attributes(module)}
    for name in [*module.state_dict()]:
        if name not in read:
            path, _, own = name.rpartition(".")
            delattr(module.get_submodule(path), own)
