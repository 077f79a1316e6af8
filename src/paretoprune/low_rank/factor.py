"""Factors of a layer of any rank: truncated SVD, or PCA of a linear layer's outputs."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn

from paretoprune.low_rank.pair import Factorable, Pair, empty_pair, replace_layer

_UNSEEN_WEIGHT = 1e-6  # weight of directions absent from the samples, in an output PCA
_EPSILON = 1e-30  # lower bound of norms, against division by zero


@torch.no_grad()
def factored(model: nn.Module, ranks: Mapping[str, int]) -> nn.Module:
    """Return a copy with pairs of these ranks, by path, in place of the layers.

    Each is the best approximation of its layer's weight in the squared norm (Eckart and Young
    1936). Without ranks, the model itself is returned.
    """
    if not ranks:
        return model
    copied = copy.deepcopy(model)
    for path, rank in ranks.items():
        replace_layer(copied, path, pair_of(cast(Factorable, copied.get_submodule(path)), rank))
    return copied


@torch.no_grad()
def pair_of(layer: Factorable, rank: int) -> Pair:
    """Return the pair of this rank that is closest to the layer."""
    pair = empty_pair(layer, rank)
    fill(pair, layer)
    return pair


@torch.no_grad()
def fill(pair: Pair, layer: Factorable, input_moments: Tensor | None = None) -> None:
    """Set a pair's weights to the best approximation of the layer at the pair's rank.

    With `input_moments`, (inputs, inputs), the sum of x x^T over samples of a linear layer's
    inputs x, it is the best for the outputs, by their principal components; else for the weight.
    """
    matrix = as_matrix(layer.weight)
    if input_moments is None:
        set_factors(pair, *singular_factors(matrix))
    else:
        moments = matrix.T @ input_moments.to(matrix) @ matrix
        set_factors(pair, *output_factors(matrix, moments))
    if layer.bias is not None:
        assert pair.second.bias is not None
        pair.second.bias.copy_(layer.bias)


def set_factors(pair: Pair, first: Tensor, second: Tensor) -> None:
    """Set a pair's weights to the first columns of (inputs x height, rank) and the first rows of
    (rank, outputs x width)."""
    rank, (_, width) = pair.rank, pair.kernel
    pair.first.weight.copy_(first.T[:rank].reshape(pair.first.weight.shape))
    rows = second[:rank].reshape(rank, -1, width).transpose(0, 1)  # (outputs, rank, width)
    pair.second.weight.copy_(rows.reshape(pair.second.weight.shape))


def as_matrix(weight: Tensor) -> Tensor:
    """Reshape a weight (outputs, inputs, height, width) to a matrix, in float64.

    The matrix is (inputs x height, outputs x width). A pair of rank r is a product of (inputs x
    height, r) and (r, outputs x width) equal to it. For a linear layer it is the transposed weight.
    """
    if weight.dim() == 2:
        weight = weight[:, :, None, None]
    return weight.detach().double().permute(1, 2, 0, 3).flatten(2).flatten(0, 1)


def singular_factors(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Return balanced factors (m, r) and (r, n) of a matrix (m, n), by its SVD.

    Each has the square root of the singular values.
    """
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    root = values.sqrt()
    return left * root, root[:, None] * right


def output_factors(matrix: Tensor, moments: Tensor) -> tuple[Tensor, Tensor]:
    """Return balanced factors of a matrix (inputs, outputs) by PCA of its outputs.

    The first r components are the best rank-r approximation of the outputs with second moments
    `moments`.
    """
    moments = moments.double()
    own = matrix.T @ matrix  # orders directions absent from the samples, after all others
    scale = moments.trace() / own.trace().clamp_min(_EPSILON)
    _, directions = torch.linalg.eigh(moments + _UNSEEN_WEIGHT * scale * own)
    second = directions.flip(1)[:, : min(matrix.shape)].T
    first = matrix @ second.T
    root = first.norm(dim=0).clamp_min(_EPSILON).sqrt()
    return first / root, second * root[:, None]
