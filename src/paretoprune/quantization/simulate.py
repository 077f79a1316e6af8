"""Fake quantization: the integer module computed in floating point, with rounding written out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Interpreter

_q = torch.ops.quantized_decomposed


def simulate(module: GraphModule, *inputs: Tensor) -> Any:
    """Return the outputs of an integer module for inputs (N, ...), without its quantized operators.

    Activations are rounded by `scale * (clamp(round(x / scale) + zero, 0, 255) - zero)`.
    """
    with torch.inference_mode():
        return _Simulation(module).run(*inputs)


def _round(x: Tensor, scale: float, zero: int, low: int, high: int, _dtype: object) -> Tensor:
    return (x * (1.0 / scale)).round().add(zero).clamp(low, high)


def _back(codes: Tensor, scale: float, zero: int, *_: object) -> Tensor:
    return (codes - zero) * scale


def _weight(codes: Tensor, scales: Tensor, *_: object) -> Tensor:
    return codes.float() * scales.view(-1, *[1] * (codes.dim() - 1))


_WRITTEN_OUT: Mapping[Any, Callable[..., Tensor]] = {
    _q.quantize_per_tensor.default: _round,
    _q.dequantize_per_tensor.default: _back,
    _q.dequantize_per_channel.default: _weight,
}


class _Simulation(Interpreter):
    def call_function(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call the operator, or its floating-point equivalent."""
        return super().call_function(_WRITTEN_OUT.get(target, target), args, kwargs)
