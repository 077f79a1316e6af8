"""BatchNorm as a multiplication and an addition, put into the layer before it where it can be.

Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
Inference (2018), section 3.2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm, conv1d, conv2d, conv3d, linear
from torch.nn.modules.batchnorm import _BatchNorm
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

_LAYERS = (conv1d, conv2d, conv3d, linear, torch.conv1d, torch.conv2d, torch.conv3d)


@dataclass(frozen=True)
class Fold:
    """A BatchNorm whose input is the output of one layer, which nothing else uses."""

    layer: str  # path of the module whose weight comes before
    norm: str  # path of the BatchNorm


@torch.no_grad()
def find_folds(model: nn.Module, example: Tensor) -> list[Fold]:
    """The pairs that one forward pass of `example` in evaluation mode shows.

    Each layer and each BatchNorm runs once in it; the model is left in the mode it had.
    """
    watch = _Watch()
    training = model.training
    model.eval()
    try:
        with watch:
            model(example)
    finally:
        model.train(training)
    layers = {id(m.weight): path for path, m in model.named_modules() if _is_layer(m)}
    norms = {id(m.running_mean): path for path, m in model.named_modules() if _is_norm(m)}
    return [
        Fold(layers[weight], norms[mean])
        for weight, mean in watch.pairs()
        if weight in layers and mean in norms
    ]


@torch.no_grad()
def folded_state(model: nn.Module, folds: Sequence[Fold]) -> dict[str, Tensor]:
    """The state of the same function in which every BatchNorm is as simple as it can be.

    All have mean 0 and a variance that makes the standard deviation 1. Those of `folds` also have
    weight 1, since the layer before multiplies; the others keep a multiplier per channel. The
    names and shapes stay. Training it further in training mode would compute something else.
    """
    state = dict(model.state_dict())
    layer_of = {fold.norm: fold.layer for fold in folds}
    for path, norm in model.named_modules():
        if not _is_norm(norm):
            continue
        factor, offset = as_affine(norm)
        if path in layer_of:
            layer = layer_of[path]
            weight, bias = state[f"{layer}.weight"], state.get(f"{layer}.bias")
            state[f"{layer}.weight"] = weight * factor.view(-1, *[1] * (weight.dim() - 1))
            if bias is not None:
                offset = offset + factor * bias
                state[f"{layer}.bias"] = torch.zeros_like(bias)
            factor = torch.ones_like(factor)
        state |= _affine_state(path, norm, factor, offset)
    return state


def as_affine(norm: nn.Module) -> tuple[Tensor, Tensor]:
    """`(factor, offset)` per channel with which a BatchNorm in evaluation mode is
    `factor * x + offset`."""
    assert isinstance(norm, _BatchNorm)
    mean, var = norm.running_mean, norm.running_var
    assert mean is not None and var is not None
    factor = (var + norm.eps).rsqrt() * norm.weight
    return factor, norm.bias - mean * factor


def _affine_state(path: str, norm: nn.Module, factor: Tensor, offset: Tensor) -> dict[str, Tensor]:
    assert isinstance(norm, _BatchNorm)
    own = {
        "weight": factor,
        "bias": offset,
        "running_mean": torch.zeros_like(offset),
        "running_var": torch.full_like(offset, 1 - norm.eps),
    }
    return {f"{path}.{name}".removeprefix("."): tensor for name, tensor in own.items()}


def _is_layer(module: nn.Module) -> bool:
    """Whether it is a layer with a weight of its own: one that is worked out anew has no name."""
    own = dict(module.named_parameters(recurse=False))
    return isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.Linear) and "weight" in own


def _is_norm(module: nn.Module) -> bool:
    return isinstance(module, _BatchNorm) and module.affine and module.track_running_stats


@dataclass
class _Watch(TorchFunctionMode):
    """Notes which layer's output a BatchNorm takes, and what else uses it."""

    outputs: dict[int, tuple[int, Tensor]] = field(default_factory=dict)  # by id: weight, itself
    uses: dict[int, int] = field(default_factory=dict)  # of each output, by id
    taken: list[tuple[int, int]] = field(default_factory=list)  # an output, a running mean
    calls: dict[int, int] = field(default_factory=dict)  # by weight or running mean

    def __post_init__(self) -> None:
        super().__init__()

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if not any(isinstance(leaf, Tensor) for leaf in tree_leaves(result)):
            return result  # it asked for a size, a type ...
        for leaf in tree_leaves((args, dict(kwargs))):
            if id(leaf) in self.outputs:
                self.uses[id(leaf)] += 1
        if func in _LAYERS:
            self._note_layer(result, args, kwargs)
        if func is batch_norm:
            self._note_norm(args, kwargs)
        return result

    def _note_layer(self, result: Tensor, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        weight = id(args[1] if len(args) > 1 else kwargs["weight"])
        self.outputs[id(result)] = weight, result  # held, so that the id stays its own
        self.uses[id(result)] = 0
        self.calls[weight] = self.calls.get(weight, 0) + 1

    def _note_norm(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        entering = args[0] if args else kwargs["input"]
        mean = id(args[1] if len(args) > 1 else kwargs["running_mean"])
        self.calls[mean] = self.calls.get(mean, 0) + 1
        if id(entering) in self.outputs:
            self.taken.append((id(entering), mean))

    def pairs(self) -> list[tuple[int, int]]:
        """Weights and running means by id, where each ran once and nothing else took the output."""
        found = [(output, self.outputs[output][0], mean) for output, mean in self.taken]
        return [
            (weight, mean)
            for output, weight, mean in found
            if self.uses[output] == 1 and self.calls[weight] == self.calls[mean] == 1
        ]
