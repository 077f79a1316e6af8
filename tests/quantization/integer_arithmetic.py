"""A slow reference of what integer kernels compute: sums of products of whole numbers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Interpreter, Node

from paretoprune.quantization.walk import LAYERS

_q = torch.ops.quantized_decomposed


class IntegerArithmetic(Interpreter):
    """Runs an integer module; layers whose input is rounded multiply and add whole numbers only."""

    def __init__(self, module: GraphModule) -> None:
        super().__init__(module, garbage_collect_values=False)
        self.computed = 0  # layers in whole numbers

    def run_node(self, n: Node) -> Any:
        """The value of the node."""
        if n.target in LAYERS and n.args[0].target is _q.dequantize_per_tensor.default:
            return self._layer(n)
        return super().run_node(n)

    def _layer(self, node: Node) -> Tensor:
        entering, weight = node.args[0], node.args[1]
        codes, scale, zero, *_ = self.map_nodes_to_values(entering.args, entering)
        levels, steps, *_ = self.map_nodes_to_values(weight.args, weight)
        assert codes.dtype is torch.uint8 and levels.dtype is torch.int8
        rest = self.map_nodes_to_values(node.args[2:], node)
        bias, rest = (rest[0], rest[1:]) if rest else (None, ())
        # Whole numbers in float64 are exact below 2**53.
        sums = node.target(codes.double() - zero, levels.double(), None, *rest)
        assert torch.equal(sums, sums.round()) and sums.abs().max() < 2**31  # they fit an int32
        axis = -1 if node.target is torch.ops.aten.linear.default else 1
        shape = [1] * sums.dim()
        shape[axis] = -1
        out = sums * (scale * steps.double()).view(shape)
        self.computed += 1
        return (out if bias is None else out + bias.double().view(shape)).float()
