"""Rounding of ranks to those that save something, with the break-even rank of each layer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from torch import nn

from paretoprune.low_rank.pair import pairs_of

Widths = Mapping[str, int]
Sizes = Mapping[tuple[str, int], int]  # by tensor name and dimension


def rank_group(path: str) -> str:
    """Return the name of the group of a layer's components."""
    return f"{path}.rank"


@dataclass(frozen=True)
class FactoredLayer:
    """A layer that is searched as a pair. MACs are those of one sample, per element of a weight."""

    path: str
    kernel: tuple[int, int]
    inputs: int
    outputs: int
    macs: float  # of the dense layer
    first_macs: float
    second_macs: float

    @cached_property
    def group(self) -> str:
        """Name of the group whose channels are the components."""
        return rank_group(self.path)

    @cached_property
    def full_rank(self) -> int:
        """Full rank of the dense layer."""
        return min(self.sides(self.inputs, self.outputs))

    @property
    def decomposition_flops(self) -> float:
        """Floating-point operations of a singular value decomposition of the weight, about.

        Golub and Van Loan 2013 (Matrix Computations, 8.6.4): 4 m^2 n + 22 n^3 with both factors.
        """
        n, m = sorted(self.sides(self.inputs, self.outputs))
        return 4.0 * m**2 * n + 22.0 * n**3

    def sides(self, inputs: int, outputs: int) -> tuple[int, int]:
        """Return the weights of each component in the first and the second layer."""
        return inputs * self.kernel[0], outputs * self.kernel[1]

    def most(self, inputs: int, outputs: int) -> int:
        """Return the largest rank below break-even in both weights and MACs.

        0 if there is none.
        """
        first, second = self.sides(inputs, outputs)
        whole = first * second
        weights = math.ceil(whole / (first + second)) - 1
        pair_macs = first * self.first_macs + second * self.second_macs
        return min(weights, math.ceil(whole * self.macs / pair_macs - 1e-9) - 1)

    def shape(self, sizes: Sizes) -> tuple[int, int]:
        """Return inputs and outputs; `sizes` has the dimensions that changed."""
        return (
            sizes.get(self._inputs_place, self.inputs),
            sizes.get(self._outputs_place, self.outputs),
        )

    @cached_property
    def _inputs_place(self) -> tuple[str, int]:
        return f"{self.path}.weight", 1

    @cached_property
    def _outputs_place(self) -> tuple[str, int]:
        return f"{self.path}.weight", 0

    @cached_property
    def dense_most(self) -> int:
        """The largest rank below break-even at the inputs and outputs of the dense layer."""
        return self.most(self.inputs, self.outputs)


@dataclass(frozen=True)
class Ranks:
    """The layers that are searched as pairs, and the rounding of their ranks to `divisor`."""

    layers: tuple[FactoredLayer, ...]
    divisor: int

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of the groups whose channels are components."""
        return tuple(layer.group for layer in self.layers)

    def fit(self, widths: Widths, sizes_of: Callable[[Widths], Sizes]) -> dict[str, int]:
        """Return the widths with ranks rounded to those that save something.

        A rank at or above the dense layer's break-even becomes the full rank: the layer stays
        whole. Others become at most the largest multiple of `divisor` below break-even at the
        remaining inputs and outputs, so that a size never grows while any width shrinks; where
        there is none, the layer stays whole.
        """
        sizes, fitted = sizes_of(widths), dict(widths)
        for layer in self.layers:
            most = layer.most(*layer.shape(sizes))
            if most < 1 or widths[layer.group] > self._below(layer.dense_most):
                fitted[layer.group] = layer.full_rank
            else:
                fitted[layer.group] = min(widths[layer.group], self._below(most))
        return fitted

    def _below(self, most: int) -> int:
        """Return the largest multiple of the divisor up to `most`, else `most`, at least 1."""
        return most // self.divisor * self.divisor or max(1, most)


def layers_with_gain(
    form: nn.Module,
    dense_macs: Mapping[str, int],
    form_macs: Mapping[str, int],
    *,
    divisor: int,
) -> tuple[FactoredLayer, ...]:
    """Return the pairs of `form` for which some rank, a multiple of `divisor`, saves something.

    `dense_macs` and `form_macs` are the MACs of one sample by layer path: of the dense network, and
    of the one with pairs.
    """
    found = []
    for path, pair in pairs_of(form).items():
        first, second = pair.first.weight, pair.second.weight
        macs = dense_macs.get(path, 0)
        if not macs:
            continue  # not called for this input
        layer = FactoredLayer(
            path,
            pair.kernel,
            inputs=first.shape[1],
            outputs=second.shape[0],
            macs=macs / (first[0].numel() * second[:, 0].numel()),
            first_macs=form_macs.get(f"{path}.first", 0) / first.numel(),
            second_macs=form_macs.get(f"{path}.second", 0) / second.numel(),
        )
        if layer.dense_most >= divisor:
            found.append(layer)
    return tuple(found)
