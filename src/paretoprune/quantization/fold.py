"""BatchNorm folding: BatchNorm as an affine map, merged into the preceding layer if possible.

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

from paretoprune.tasks.inputs import Example, inputs_of

_LAYERS = (conv1d, conv2d, conv3d, linear, torch.conv1d, torch.conv2d, torch.conv3d)


@dataclass(frozen=True)
class Fold:
    """A BatchNorm whose input is the output of one layer that nothing else uses."""

    layer: str  # path of the preceding layer
    norm: str  # path of the BatchNorm


@torch.no_grad()
def find_folds(model: nn.Module, example: Example) -> list[Fold]:
    """Find foldable pairs in one forward pass of `example` in evaluation mode.

    Each layer and each BatchNorm must run exactly once; the model's mode is restored.
    """
    watch = _Watch()
    training = model.training
    model.eval()
    try:
        with watch:
            inputs_of(example).run(model)
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
    """Return a state of the same function in which every BatchNorm is as simple as possible.

    All have mean 0 and a variance with standard deviation 1. BatchNorms in `folds` also have weight
    1, since the preceding layer contains the factor; the others keep a factor per channel. Names
    and shapes are unchanged. Only evaluation mode is preserved, not further training.
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
    """Return `(factor, offset)`: BatchNorm in evaluation mode is `factor * x + offset`."""
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
    """Return True for a layer with a weight of its own; a parametrised weight is not."""
    own = dict(module.named_parameters(recurse=False))
    return isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.Linear) and "weight" in own


def _is_norm(module: nn.Module) -> bool:
    return isinstance(module, _BatchNorm) and module.affine and module.track_running_stats


@dataclass
class _Watch(TorchFunctionMode):
    """Records which layer's output each BatchNorm takes, and other uses of it."""

    outputs: dict[int, tuple[int, Tensor]] = field(default_factory=dict)  # id: weight, output
    uses: dict[int, int] = field(default_factory=dict)  # of each output, by id
    taken: list[tuple[int, int]] = field(default_factory=list)  # (output id, running mean id)
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
            return result  # a query of size, dtype ...
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
        self.outputs[id(result)] = weight, result  # held, so that the id is not reused
        self.uses[id(result)] = 0
        self.calls[weight] = self.calls.get(weight, 0) + 1

    def _note_norm(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        entering = args[0] if args else kwargs["input"]
        mean = id(args[1] if len(args) > 1 else kwargs["running_mean"])
        self.calls[mean] = self.calls.get(mean, 0) + 1
        if id(entering) in self.outputs:
            self.taken.append((id(entering), mean))

    def pairs(self) -> list[tuple[int, int]]:
        """Return (weight, running mean) ids where each ran once with no other use."""
        found = [(output, self.outputs[output][0], mean) for output, mean in self.taken]
        return [
            (weight, mean)
            for output, weight, mean in found
            if self.uses[output] == 1 and self.calls[weight] == self.calls[mean] == 1
        ]
