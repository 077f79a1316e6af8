"""Layers whose weights can be masked: convolutions and linear layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from paretoprune.pruning.groups import Group, Groups
from paretoprune.pruning.unstructured.patterns import Pattern
from paretoprune.results.groups import KeptGroup


@dataclass(frozen=True)
class MaskedLayer:
    """One maskable weight, which the search treats as a group with `units` channels."""

    name: str  # the path of the module
    shape: tuple[int, ...]
    units: int

    @property
    def tensor(self) -> str:
        """Name of the weight in the state dict."""
        return f"{self.name}.weight"


@dataclass(frozen=True)
class MaskedLayers:
    """The layers of a model that a pattern fits, and those that stay dense, with the reason."""

    pattern: Pattern
    found: tuple[MaskedLayer, ...]
    kept: tuple[KeptGroup, ...] = ()

    @property
    def groups(self) -> Groups:
        """The layers as groups for the search, without slots: no tensor is sliced."""
        return Groups(tuple(Group(layer.name, layer.units, ()) for layer in self.found), self.kept)

    def masks(self, scores: Mapping[str, Tensor], widths: Mapping[str, int]) -> dict[str, Tensor]:
        """Return masks by tensor name (True = kept) for layers that lose any unit.

        `scores` are per weight by layer name; `widths` the units to keep, all where absent.
        """
        return {
            layer.tensor: self.pattern.mask(scores[layer.name], widths[layer.name])
            for layer in self.found
            if widths.get(layer.name, layer.units) < layer.units
        }

    def unit_scores(self, scores: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Reduce scores per weight to scores per unit, by layer name."""
        return {layer.name: self.pattern.unit_scores(scores[layer.name]) for layer in self.found}


def find_layers(model: nn.Module, pattern: Pattern) -> MaskedLayers:
    """Return the layers of the model that the pattern fits; a shared weight counts once."""
    found: list[MaskedLayer] = []
    kept: list[KeptGroup] = []
    own = {name for name, _ in model.named_parameters()}
    for name, module in model.named_modules():
        if not isinstance(module, _ConvNd | nn.Linear) or f"{name}.weight" not in own:
            continue
        shape = tuple(module.weight.shape)
        units = pattern.units(shape)
        if units is None:
            kept.append(KeptGroup(name, shape[0], f"{pattern} does not fit a weight of {shape}"))
        else:
            found.append(MaskedLayer(name, shape, units))
    return MaskedLayers(pattern, tuple(found), tuple(kept))


@torch.no_grad()
def zero(model: nn.Module, masks: Mapping[str, Tensor]) -> None:
    """Set the weights to zero, in place, where the masks are False."""
    tensors = dict(model.named_parameters())
    for name, mask in masks.items():
        tensors[name].masked_fill_(~mask.to(tensors[name].device), 0)


def zeros_in(model: nn.Module, layers: Sequence[MaskedLayer]) -> dict[str, Tensor]:
    """Return masks of nonzero weights, by tensor name, of the layers that have zeros."""
    tensors = dict(model.named_parameters())
    found = {layer.tensor: tensors[layer.tensor].detach() != 0 for layer in layers}
    return {name: mask for name, mask in found.items() if not mask.all()}
