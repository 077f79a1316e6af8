"""The number of multiply-accumulate operations (MACs) that one sample costs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from paretoprune.measure.modes import evaluation_mode


def count_macs(model: nn.Module, example: Tensor) -> int:
    """MACs of one forward pass of the first sample of `example`, shape (N, ...).

    Counted by `torch.utils.flop_counter` as FLOPs / 2: convolutions, linear layers, matrix
    products and attention; not normalisation, activation and pooling.
    """
    return _run(model, example).get_total_flops() // 2


def macs_per_layer(model: nn.Module, example: Tensor) -> dict[str, int]:
    """MACs by the path of the module that does the work, as `state_dict` spells it.

    The values add up to `count_macs`; modules without MACs are left out, and a module that is
    called twice counts twice. The model's own path is "".
    """
    totals = _totals_by_path(model, _run(model, example))
    return {path: macs for path, macs in _without_children(totals).items() if macs}


def _run(model: nn.Module, example: Tensor) -> FlopCounterMode:
    counter = FlopCounterMode(display=False)
    with evaluation_mode(model), _visible_attention(), torch.no_grad(), counter:
        model(example[:1])
    return counter


@contextmanager
def _visible_attention() -> Iterator[None]:
    """Attention as plain matrix products: the counter cannot see into every fused kernel."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def _totals_by_path(model: nn.Module, counter: FlopCounterMode) -> dict[str, int]:
    """MACs of each module with all that it calls. The counter starts a path with the class."""
    root = type(model).__name__
    return {
        path.removeprefix(root).removeprefix("."): sum(flops.values()) // 2
        for path, flops in counter.get_flop_counts().items()
        if path != "Global"
    }


def _without_children(totals: dict[str, int]) -> dict[str, int]:
    own = dict(totals)
    for path, macs in totals.items():
        parent = _parent(path, totals)
        if parent is not None:
            own[parent] -= macs
    return own


def _parent(path: str, totals: dict[str, int]) -> str | None:
    """The closest module around `path` that was called itself."""
    while path:
        path = path.rpartition(".")[0]
        if path in totals:
            return path
    return None
