"""Quantization points: graph nodes whose activations are rounded to 8 bits, and their grids.

A kernel runs on integers if its inputs and its output are quantized. So there is a point after each
operator that has integer kernels, and after other operators whose output feeds one. There is none
between a layer and the ReLU that is fused into its kernel, and none at the model's output.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Interpreter, Node

from paretoprune.errors import QuantizationError
from paretoprune.quantization.walk import LAYERS

_aten = torch.ops.aten
_q = torch.ops.quantized_decomposed

_MASKED = -1e9  # of attention scores; smaller values are masks
LEVELS = 255  # largest code of an unsigned activation

_SUMS = {_aten.add.Tensor, _aten.sub.Tensor, _aten.mul.Tensor, _aten.cat.default}
_POOLS = {_aten.mean.dim, _aten.avg_pool2d.default, _aten.adaptive_avg_pool2d.default}
_RELUS = {_aten.relu.default, _aten.hardtanh.default, _aten.clamp.default, _aten.clamp_min.default}
_KERNELS = LAYERS | _SUMS | _POOLS | _RELUS
# Operators that return elements of their input unchanged: the output keeps the input's grid.
_MOVES = {
    _aten.view.default,
    _aten._unsafe_view.default,
    _aten.reshape.default,
    _aten.flatten.using_ints,
    _aten.permute.default,
    _aten.transpose.int,
    _aten.unsqueeze.default,
    _aten.squeeze.dim,
    _aten.squeeze.dims,
    _aten.slice.Tensor,
    _aten.select.int,
    _aten.clone.default,
    _aten.expand.default,
    _aten.alias.default,
    _aten.detach.default,
    _aten.contiguous.default,
    _aten.unflatten.int,
    _aten.dropout.default,
}
_MAXIMA = {_aten.max_pool2d.default, _aten.max_pool1d.default, _aten.adaptive_max_pool2d.default}


@dataclass(frozen=True)
class Grid:
    """Affine 8-bit grid: `value = (code - zero) * scale`, codes from 0 to 255."""

    scale: float
    zero: int


def find_points(module: GraphModule) -> list[Node]:
    """Return the nodes after which an activation is rounded, in the order of the graph."""
    return [node for node in module.graph.nodes if _is_point(node)]


def calibrate(
    module: GraphModule, points: list[Node], batches: Iterable[Sequence[Tensor]]
) -> dict[Node, Grid]:
    """Return the grid of each point, from the min-max range on the batches.

    A batch is the tensors that the graph takes, in order. Zero is always on a grid, since
    convolutions are padded with it. Points at masks, which hold negative infinity or the like,
    have none: no 8 bits hold such a range.

    Raises:
        QuantizationError: a value is NaN or infinite.
    """
    watch = _Ranges(module, set(points))
    with torch.inference_mode():
        for batch in batches:
            watch.run(*batch)
    ranges = {node: watch.seen[node] for node in points}
    return {
        node: _grid(node, least, largest)
        for node, (least, largest) in ranges.items()
        if not least < _MASKED
    }


def insert_points(module: GraphModule, grids: Mapping[Node, Grid]) -> None:
    """Insert quantize and dequantize operators after these nodes, in place."""
    for node, grid in grids.items():
        users = list(node.users)
        with module.graph.inserting_after(node):
            arguments = (grid.scale, grid.zero, 0, LEVELS, torch.uint8)
            codes = module.graph.call_function(_q.quantize_per_tensor.default, (node, *arguments))
        with module.graph.inserting_after(codes):
            values = module.graph.call_function(
                _q.dequantize_per_tensor.default, (codes, *arguments)
            )
        for user in users:
            user.replace_input_with(node, values)
    _share_grids_of_maxima(module)
    module.recompile()


def source_point(node: object) -> tuple[Node, Node] | None:
    """Return the quantize and dequantize nodes from which a node takes its value.

    Directly or rearranged; None if the value is not quantized.
    """
    while isinstance(node, Node) and node.target in _MOVES | _MAXIMA:
        node = node.args[0]
    if not isinstance(node, Node) or node.target is not _q.dequantize_per_tensor.default:
        return None
    quantize = node.args[0]
    assert isinstance(quantize, Node)
    return quantize, node


def _is_point(node: Node) -> bool:
    if not isinstance(value := node.meta.get("val"), Tensor) or not value.is_floating_point():
        return False  # a size, an index, or a dequantized weight
    if node.op not in ("placeholder", "call_function"):
        return False
    if node.target in _MOVES | _MAXIMA or _reaches_output(node):
        return False
    if node.target in LAYERS | _SUMS and len(node.users) == 1:
        return next(iter(node.users)).target not in _RELUS
    return node.target in _KERNELS or _feeds_kernel(node)


def _feeds_kernel(node: Node) -> bool:
    """Return True if a kernel takes the node's value, directly or rearranged."""
    return any(
        user.target in LAYERS | _SUMS or (user.target in _MOVES | _MAXIMA and _feeds_kernel(user))
        for user in node.users
    )


def _reaches_output(node: Node) -> bool:
    """Return True if the value is the model's output, directly or rearranged."""
    return any(
        user.op == "output" or (user.target in _MOVES and _reaches_output(user))
        for user in node.users
    )


def _share_grids_of_maxima(module: GraphModule) -> None:
    """Requantize max pooling of quantized values, to match its integer kernel."""
    for node in [n for n in module.graph.nodes if n.target in _MAXIMA]:
        source = node.args[0]
        if source.target is not _q.dequantize_per_tensor.default or _reaches_output(node):
            continue
        insert = source.args[1:]
        users = list(node.users)
        with module.graph.inserting_after(node):
            codes = module.graph.call_function(_q.quantize_per_tensor.default, (node, *insert))
        with module.graph.inserting_after(codes):
            values = module.graph.call_function(_q.dequantize_per_tensor.default, (codes, *insert))
        for user in users:
            user.replace_input_with(node, values)


def _grid(node: Node, least: float, largest: float) -> Grid:
    if not (abs(least) < float("inf") and abs(largest) < float("inf")):
        raise QuantizationError(
            f"the calibration gives NaN or infinity at `{node.name}` ({node.target}); "
            "the model or its training data are broken"
        )
    scale = (largest - least) / LEVELS or 1.0
    return Grid(scale, min(LEVELS, max(0, round(-least / scale))))


class _Ranges(Interpreter):
    """Runs the graph and records the minimum and maximum of some nodes, including 0."""

    def __init__(self, module: GraphModule, points: set[Node]) -> None:
        super().__init__(module)
        self._points = points
        self.seen: dict[Node, tuple[float, float]] = {}

    def run_node(self, n: Node) -> Any:
        """Return the value of the node."""
        value = super().run_node(n)
        if n in self._points:
            seen = value.new_tensor(self.seen.get(n, (0.0, 0.0)))
            both = torch.cat([seen, value.flatten()])  # NaN stays NaN
            self.seen[n] = both.amin().item(), both.amax().item()
        return value
