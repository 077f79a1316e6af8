"""Parameters and MACs of a model with masked weights, counting nonzero weights only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import nn

from paretoprune.pruning.unstructured.layers import MaskedLayer
from paretoprune.results import Cost

_HEADER = 200  # bytes of the file header per compressed weight


class MaskedSize:
    """Counts of nonzero parameters and their MACs; dense kernels do not run faster.

    Args:
        layers: the maskable layers.
        num_params: parameters of the whole dense model.
        dense_bytes: size of the dense model's file, with four bytes per weight.
        macs_per_layer: the dense MACs of one sample by module name; they add up to the total.
    """

    def __init__(
        self,
        layers: Sequence[MaskedLayer],
        num_params: int,
        macs_per_layer: Mapping[str, int],
        dense_bytes: int,
    ) -> None:
        self._numel = {layer.name: _numel(layer) for layer in layers}
        self._units = {layer.name: layer.units for layer in layers}
        self._params, self._macs, self._bytes = num_params, macs_per_layer, dense_bytes

    def cost(self, widths: Mapping[str, int]) -> Cost:
        """Return the cost with these numbers of units by layer name, all where absent."""
        return self._of(self._kept(widths))

    def bytes_of(self, widths: Mapping[str, int]) -> int:
        """Return the bytes of the compressed file, up to some bytes of its header."""
        saved = 0
        for name, kept in self._kept(widths).items():
            numel = self._numel[name]
            saved += max(0, 4 * (numel - kept) - -(-numel // 8) - _HEADER)
        return self._bytes - saved

    def cost_of(self, model: nn.Module) -> Cost:
        """Return the cost of a model, counted from its weights."""
        tensors = dict(model.named_parameters())
        return self._of(
            {name: int(torch.count_nonzero(tensors[f"{name}.weight"])) for name in self._numel}
        )

    def _kept(self, widths: Mapping[str, int]) -> dict[str, int]:
        """Return the number of remaining weights by layer name."""
        return {
            name: numel * widths.get(name, self._units[name]) // self._units[name]
            for name, numel in self._numel.items()
        }

    def _of(self, kept: Mapping[str, int]) -> Cost:
        zeros = sum(self._numel[name] - count for name, count in kept.items())
        macs = sum(
            count * kept[name] // self._numel[name] if name in kept else count
            for name, count in self._macs.items()
        )
        return Cost(params=self._params - zeros, macs=macs)


def _numel(layer: MaskedLayer) -> int:
    return int(torch.Size(layer.shape).numel())
