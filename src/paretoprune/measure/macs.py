"""Multiply-accumulate operations (MACs) of one sample."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from paretoprune.measure.modes import evaluation_mode
from paretoprune.tasks.inputs import Example, inputs_of


def count_macs(model: nn.Module, example: Example) -> int:
    """Return the MACs of one forward pass of the first sample of `example`.

    Counted by `torch.utils.flop_counter` as FLOPs / 2: convolutions, linear layers, recurrent
    steps, matrix products and attention; not normalisation, activation and pooling.
    """
    return _run(model, example).get_total_flops() // 2


def macs_per_layer(model: nn.Module, example: Example) -> dict[str, int]:
    """Return the MACs by the layer whose weight is used, named as in `state_dict`.

    A weight that is not called `weight` is named in full, such as `lstm.weight_hh_l0`; products
    without a weight, such as those of attention, are listed under the path of the module that
    computes them. The values add up to `count_macs`; a layer that is called twice counts twice. The
    path of the model itself is "".
    """
    return {path: flops // 2 for path, flops in _run(model, example).by_layer.items() if flops}


class _Counter(FlopCounterMode):
    """FLOP counter that also attributes each operation to the weight that it uses."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__(display=False)
        self.by_layer: dict[str, int] = {}
        self._root = type(model).__name__
        self._weights = {
            tensor.untyped_storage().data_ptr(): ""
            if name == "weight"
            else name.removesuffix(".weight")
            for name, tensor in model.named_parameters()
        }

    def _count_flops(self, func_packet: Any, out: Any, args: Any, kwargs: Any) -> Any:
        if func_packet in self.flop_registry:
            used = [
                self._weights[one.untyped_storage().data_ptr()]
                for one in args
                if isinstance(one, Tensor)
                and one.dim() > 1
                and one.untyped_storage().data_ptr() in self._weights
            ]
            layer = used[0] if used else self._path()
            flops = self.flop_registry[func_packet](*args, **kwargs, out_val=out)
            self.by_layer[layer] = self.by_layer.get(layer, 0) + flops
        return super()._count_flops(func_packet, out, args, kwargs)  # type: ignore[no-untyped-call]

    def _path(self) -> str:
        """Return the path of the innermost executing module, without the model's class name."""
        paths = [path for path in self.mod_tracker.parents if path != "Global"]
        return max(paths, key=len, default="").removeprefix(self._root).removeprefix(".")


def _run(model: nn.Module, example: Example) -> _Counter:
    counter = _Counter(model)
    with evaluation_mode(model), _visible(model), _frozen(model), torch.no_grad(), counter:
        inputs_of(example)[:1].run(model)
    return counter


@contextmanager
def _frozen(model: nn.Module) -> Iterator[None]:
    """Freeze parameters inside: the counter fails if a parameter is a module's input."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    try:
        for parameter in trained:
            parameter.requires_grad_(False)
        yield
    finally:
        for parameter in trained:
            parameter.requires_grad_(True)


@contextmanager
def _visible(model: nn.Module) -> Iterator[None]:
    """Decompose attention and recurrent layers into matrix products, which the counter can see."""
    mkldnn: Any = torch.backends.mkldnn
    before = torch.backends.mha.get_fastpath_enabled(), mkldnn.enabled
    torch.backends.mha.set_fastpath_enabled(False)
    if any(isinstance(module, nn.RNNBase) for module in model.modules()):
        mkldnn.enabled = False
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before[0])
        mkldnn.enabled = before[1]
