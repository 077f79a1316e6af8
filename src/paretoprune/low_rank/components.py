"""Components of low-rank pairs: their energies, and their order after training."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from paretoprune.low_rank.factor import as_matrix, set_factors
from paretoprune.low_rank.pair import Pair, pairs_of


def energies_of(model: nn.Module) -> dict[str, Tensor]:
    """Return each component's share of the squared weights, by pair path: (rank,), float32, CPU.

    For a pair of singular vectors these are the relative squared singular values: the loss of a
    truncation in the squared norm of the weight (Eckart and Young 1936).
    """
    return {path: _energies(pair) for path, pair in pairs_of(model).items()}


def _energies(pair: Pair) -> Tensor:
    first, second = pair.first.weight.detach(), pair.second.weight.detach()
    squares = first.double().flatten(1).square().sum(1)
    squares = squares * second.double().transpose(0, 1).flatten(1).square().sum(1)
    return (squares / squares.sum().clamp_min(torch.finfo(squares.dtype).tiny)).float().cpu()


@torch.no_grad()
def refactored(model: nn.Module) -> nn.Module:
    """Return a copy whose pairs are singular vectors of their products, largest first.

    It computes the same up to rounding. Training mixes components; afterwards the last ones are
    again those with the least contribution to the product. Without pairs, the model itself is
    returned.
    """
    if not pairs_of(model):
        return model
    anew = copy.deepcopy(model)
    for pair in pairs_of(anew).values():
        first = as_matrix(pair.first.weight)  # (inputs x height, rank)
        second = as_matrix(pair.second.weight)  # (rank, outputs x width)
        left, upper = torch.linalg.qr(first)
        right, lower = torch.linalg.qr(second.T)
        turned, values, back = torch.linalg.svd(upper @ lower.T)
        rank, root = pair.rank, values.sqrt()
        wide, tall = torch.zeros_like(first), torch.zeros_like(second)
        wide[:, : len(root)] = left @ turned[:, : len(root)] * root
        tall[: len(root)] = root[:, None] * (back[: len(root)] @ right.T)
        assert wide.shape[1] == rank
        set_factors(pair, wide, tall)
    return anew
