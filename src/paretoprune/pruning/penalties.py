"""Regularisation for sparse training: each penalty adds the gradient of its term after backward.

Each function takes a model and returns a callable that is called after every backward pass with the
training progress, 0 to 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from paretoprune.errors import PruningError
from paretoprune.pruning.groups import Group
from paretoprune.pruning.scorers.parts.channels import sum_per_channel, weight_slots

Penalty = Callable[[float], None]


def l1(model: nn.Module, *, strength: float) -> Penalty:
    """L1 penalty: strength x the sum of |weight| over all weights with at least two dimensions."""
    weights = [p for p in model.parameters() if p.requires_grad and p.dim() > 1]
    return lambda _progress: _add_signs(weights, strength)


def bn_scale(model: nn.Module, *, strength: float) -> Penalty:
    """L1 penalty on BatchNorm scales: strength x the sum of |scale| over all BatchNorm layers.

    Liu et al. 2017 (Learning Efficient Convolutional Networks through Network Slimming, section 3).

    Raises:
        PruningError: the model has no BatchNorm with scales.
    """
    scales = [m.weight for m in model.modules() if isinstance(m, _BatchNorm) and m.affine]
    if not scales:
        raise PruningError(
            "`sparse_training=bn_scale` cannot be used: the model has no BatchNorm; "
            "use sparse_training=group_lasso"
        )
    return lambda _progress: _add_signs(scales, strength)


def group_lasso(model: nn.Module, groups: Sequence[Group], *, strength: float) -> Penalty:
    """Group lasso: strength x the sum over channels of the Euclidean norm of all their weights.

    Wen et al. 2016 (Learning Structured Sparsity in Deep Neural Networks, section 3.1), with the
    weights of a channel in all layers of its group, as in Fang et al. 2023 (DepGraph, section 3.3).
    The gradient of a zero norm is taken as zero.
    """
    parameters = dict(model.named_parameters())

    @torch.no_grad()
    def add(_progress: float) -> None:
        for group in groups:
            squares = sum_per_channel(group, parameters, lambda _name, weight: weight.square())
            factors = torch.where(squares > 0, strength / squares.sqrt(), 0.0)
            for slot in weight_slots(group, parameters):
                weight = parameters[slot.tensor]
                along = torch.zeros(weight.shape[slot.dim], dtype=torch.float64)
                places = torch.tensor(slot.positions)
                along[places] = factors[:, None].expand(places.shape)
                shape = [-1 if axis == slot.dim else 1 for axis in range(weight.dim())]
                _grad_of(weight).add_(weight * along.to(weight).reshape(shape))

    return add


def growing(model: nn.Module, masks: Mapping[str, Tensor], *, strength: float) -> Penalty:
    """Growing regularisation: progress x strength / 2 x the sum of squares of weights to prune.

    GReg-1, Wang et al. 2021 (Neural Pruning via Growing Regularization, section 3.1): the weights
    are chosen first and then driven to zero by a growing L2 penalty, so that the rest of the
    network can adapt. `masks` (False = to be pruned) are by parameter name; other names are
    ignored.
    """
    parameters = dict(model.named_parameters())
    going = [
        (parameters[n], (~mask).to(parameters[n])) for n, mask in masks.items() if n in parameters
    ]

    @torch.no_grad()
    def add(progress: float) -> None:
        for weight, gone in going:
            _grad_of(weight).add_(weight * gone, alpha=strength * progress)

    return add


@torch.no_grad()
def _add_signs(weights: Sequence[Tensor], strength: float) -> None:
    for weight in weights:
        _grad_of(weight).add_(weight.sign(), alpha=strength)


def _grad_of(weight: Tensor) -> Tensor:
    if weight.grad is None:  # the loss does not depend on it
        weight.grad = torch.zeros_like(weight)
    return weight.grad
