"""The number of multiply-accumulate operations (MACs) that one sample costs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from paretoprune.measure.modes import evaluation_mode


def count_macs(model: nn.Module, example: Tensor) -> int:
    """MACs of one forward pass of the first sample of `example`, shape (N, ...).

    Counted by `torch.utils.flop_counter` as FLOPs / 2: convolutions, linear layers, recurrent
    steps, matrix products and attention; not normalisation, activation and pooling.
    """
    return _run(model, example).get_total_flops() // 2


def macs_per_layer(model: nn.Module, example: Tensor) -> dict[str, int]:
    """MACs by the layer whose weight does the work, as `state_dict` spells it.

    A weight that is not called `weight` is named in full, such as `lstm.weight_hh_l0`, and products
    without a weight, such as those of attention, go by the path of the module that makes them. The
    values add up to `count_macs`; a layer that is called twice counts twice. The model's own path
    is "".
    """
    return {path: flops // 2 for path, flops in _run(model, example).by_layer.items() if flops}


class _Counter(FlopCounterMode):
    """Knows, beside the totals, whose weight each operation uses."""

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
        """The innermost module at work. The counter starts its path with the model's class."""
        paths = [path for path in self.mod_tracker.parents if path != "Global"]
        return max(paths, key=len, default="").removeprefix(self._root).removeprefix(".")


def _run(model: nn.Module, example: Tensor) -> _Counter:
    counter = _Counter(model)
    with evaluation_mode(model), _visible(model), _frozen(model), torch.no_grad(), counter:
        model(example[:1])
    return counter


@contextmanager
def _frozen(model: nn.Module) -> Iterator[None]:
    """The counter follows modules by autograd, and fails where a parameter is a module's input."""
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
    """Attention and recurrent layers as plain matrix products: the counter cannot see into every
    fused kernel."""
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
