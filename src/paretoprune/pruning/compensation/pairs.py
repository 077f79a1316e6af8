"""Compensation of low-rank pairs: fit the whole layer, factor it again, fit the second part."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from paretoprune.low_rank.factor import fill
from paretoprune.low_rank.merge import product_of
from paretoprune.low_rank.pair import Pair
from paretoprune.pruning.compensation.methods.interface import Compensation
from paretoprune.pruning.compensation.moments import moments_of
from paretoprune.pruning.compensation.updatable import matrix_of


@torch.no_grad()
def fit_pair(
    method: Compensation, pair: Pair, entering: Tensor, wanted: Tensor, columns: Tensor
) -> None:
    """Fit a pair in place to the `wanted` outputs of its layer, (outputs, columns).

    By the method for the layer of full rank, then by the best approximation of that layer at the
    pair's rank (of a linear layer's outputs: reduced-rank regression, Izenman 1975), then by the
    method for the second part, whose inputs the first now gives. A method that changes biases alone
    changes that of the second part.
    """
    if "keeps_weights" not in method.traits:
        layer = product_of(pair)
        moments = moments_of(layer, entering, wanted, columns)
        method.update(layer, matrix_of(layer), moments)
        fill(pair, layer, moments.centred().inputs if isinstance(layer, nn.Linear) else None)
    moments = moments_of(pair.second, pair.first(entering), wanted, columns)
    method.update(pair.second, matrix_of(pair.second), moments)
