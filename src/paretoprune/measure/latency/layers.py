"""Layers of a network for the latency table: operation, input size and widths.

Convolutions and linear layers are timed by shape; the rest of a network (norms, activations,
additions, pooling) is covered by the calibration on whole models.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from paretoprune.measure.latency.clocks import Pass
from paretoprune.measure.modes import evaluation_mode
from paretoprune.tasks.inputs import Example, inputs_of

Place = tuple[str, int]  # (tensor name, dimension)


@dataclass(frozen=True)
class LayerShape:
    """Everything that determines the time of a layer apart from its widths, and its dense widths.

    Layers of equal shape share one surface of the table. `input_size` is that of the dense model's
    input to the layer, including the batch.
    """

    kind: str  # "conv" or "linear"
    width_in: int
    width_out: int
    input_size: tuple[int, ...]
    dtype: str
    channels_last: bool = False
    kernel: tuple[int, ...] = ()
    stride: tuple[int, ...] = ()
    padding: tuple[int, ...] | str = ()
    dilation: tuple[int, ...] = ()
    groups: int = 1
    transposed: bool = False
    bias: bool = False

    @property
    def grouped(self) -> bool:
        """True for grouped convolutions, whose inputs and outputs shrink together."""
        return self.groups > 1

    @property
    def per_output(self) -> float:
        """Number of output elements per channel, which following norms and activations process."""
        scale = math.prod(self.stride)
        positions = math.prod(self.input_size) / self.width_in
        return positions * scale if self.transposed else positions / scale

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> LayerShape:
        """Inverse of `dataclasses.asdict`, after JSON turned tuples into lists."""
        known: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in data.items()
        }
        return cls(**known)


@dataclass(frozen=True)
class Layer:
    """One call of a layer in a forward pass, and the tensor dimensions that hold its widths."""

    shape: LayerShape
    place_in: Place
    place_out: Place

    def widths(self, sizes: Mapping[Place, int]) -> tuple[int, int]:
        """Return input and output width for tensors of these sizes; dense where absent."""
        out = sizes.get(self.place_out, self.shape.width_out)
        if self.shape.grouped:
            return out * self.shape.width_in // self.shape.width_out, out
        return sizes.get(self.place_in, self.shape.width_in), out

    def lies_in(self, modules: Collection[str]) -> bool:
        """Return True if the layer is in one of the modules of these paths."""
        return any(self.place_out[0].startswith(f"{path}.") for path in modules)


def trace_layers(model: nn.Module, batch: Example) -> tuple[Layer, ...]:
    """Return the convolutions and linear layers in the order of their calls in one pass of `batch`.

    A layer that is called twice is listed twice. The model runs in evaluation mode.
    """
    found: list[Layer] = []

    def note(path: str) -> Any:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            found.append(_layer(path, module, inputs[0]))

        return hook

    handles = [
        module.register_forward_hook(note(path))
        for path, module in model.named_modules()
        if isinstance(module, _ConvNd | nn.Linear)
    ]
    try:
        with evaluation_mode(model), torch.inference_mode():
            inputs_of(batch).run(model)
    finally:
        for handle in handles:
            handle.remove()
    return tuple(found)


def _layer(path: str, module: nn.Module, x: Tensor) -> Layer:
    weight = f"{path}.weight"
    if isinstance(module, _ConvNd):
        dims = (0, 1) if module.transposed and module.groups == 1 else (1, 0)
        return Layer(_conv_shape(module, x), (weight, dims[0]), (weight, dims[1]))
    assert isinstance(module, nn.Linear)
    shape = LayerShape(
        kind="linear",
        width_in=module.in_features,
        width_out=module.out_features,
        input_size=tuple(x.shape),
        dtype=str(x.dtype).removeprefix("torch."),
        bias=module.bias is not None,
    )
    return Layer(shape, (weight, 1), (weight, 0))


def _conv_shape(module: _ConvNd, x: Tensor) -> LayerShape:
    last = x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last)
    return LayerShape(
        kind="conv",
        width_in=module.in_channels,
        width_out=module.out_channels,
        input_size=tuple(x.shape),
        dtype=str(x.dtype).removeprefix("torch."),
        channels_last=last and not x.is_contiguous(),
        kernel=tuple(module.kernel_size),
        stride=tuple(module.stride),
        padding=module.padding if isinstance(module.padding, str) else tuple(module.padding),
        dilation=tuple(module.dilation),
        groups=module.groups,
        transposed=module.transposed,
        bias=module.bias is not None,
    )


_CONVS: Mapping[tuple[int, bool], type[_ConvNd]] = {
    (1, False): nn.Conv1d,
    (2, False): nn.Conv2d,
    (3, False): nn.Conv3d,
    (1, True): nn.ConvTranspose1d,
    (2, True): nn.ConvTranspose2d,
    (3, True): nn.ConvTranspose3d,
}


def layer_pass(shape: LayerShape, width_in: int, width_out: int, *, device: torch.device) -> Pass:
    """Return a forward pass of such a layer, with these widths, on random inputs."""
    order = torch.channels_last if shape.channels_last else torch.contiguous_format
    dtype = getattr(torch, shape.dtype)
    size = list(shape.input_size)
    size[1 if shape.kind == "conv" else -1] = width_in
    x = torch.rand(size, device=device, dtype=dtype).contiguous(memory_format=order)
    layer = _build(shape, width_in, width_out).to(device, dtype)
    if shape.channels_last:
        layer.to(memory_format=order)
    layer.eval()
    return lambda: layer(x)


def _build(shape: LayerShape, width_in: int, width_out: int) -> nn.Module:
    if shape.kind == "linear":
        return nn.Linear(width_in, width_out, bias=shape.bias)
    per_group = shape.width_out // shape.groups
    make: Any = _CONVS[len(shape.kernel), shape.transposed]
    layer: nn.Module = make(
        width_in,
        width_out,
        shape.kernel,
        stride=shape.stride,
        padding=shape.padding,
        dilation=shape.dilation,
        groups=width_out // per_group if shape.grouped else 1,
        bias=shape.bias,
    )
    return layer
