"""Components of layers that can be factored: their share of the weight."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from paretoprune.low_rank.factor import as_matrix
from paretoprune.low_rank.merge import weight_of


def energies_of(model: nn.Module, paths: Iterable[str]) -> dict[str, Tensor]:
    """Return each component's share of the squared weights, by path: (rank,), float32, CPU.

    These are the relative squared singular values of the layer or of the pair in its place, the
    largest first: the loss of a truncation in the squared norm of the weight (Eckart and Young
    1936).
    """
    return {path: _energies(weight_of(model, path)) for path in paths}


def _energies(weight: Tensor) -> Tensor:
    squares: Tensor = torch.linalg.svdvals(as_matrix(weight)).square()
    return (squares / squares.sum().clamp_min(torch.finfo(squares.dtype).tiny)).float().cpu()
