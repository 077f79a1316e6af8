"""The contract of a sparse training, asserted on a small network."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from paretoprune.pruning.dependency.find import find_groups
from paretoprune.pruning.sparse_training.interface import Penalty, SparseTraining
from paretoprune.testing.networks import image_batch, residual_network

_PROGRESS = (0.25, 1.0)  # of a training
_STEP = 1e-3  # of gradient descent on the penalty alone


def check_sparse_training(sparse_training: SparseTraining) -> None:
    """Raise AssertionError if a sparse training breaks its contract.

    There is a penalty or dropout. A penalty changes gradients alone, in the same way in every call
    with the same progress, by finite values, in place of none as well; it adds to the gradients
    that are there; and a step along it makes the penalised weights smaller.
    """
    model, batch = residual_network(), image_batch()
    groups = find_groups(model, batch.inputs).prunable
    weights = {name: p for name, p in model.named_parameters() if p.dim() > 1}
    masks = {n: torch.arange(p.numel()).reshape(p.shape) % 2 == 0 for n, p in weights.items()}
    if "before_each_pruning" in sparse_training.traits:
        penalty = sparse_training.penalty_on(model, masks)
        assert penalty is not None, "`penalty_on` returned None with the trait before_each_pruning"
    else:
        penalty = sparse_training.penalty(model, groups)
        has_effect = penalty is not None or sparse_training.dropout > 0
        assert has_effect, "there is neither a penalty nor dropout"
    assert sparse_training.epochs > 0, "`epochs` must be positive"
    if penalty is not None:
        _check_penalty(model, penalty)


def _check_penalty(model: nn.Module, penalty: Penalty) -> None:
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    for progress in _PROGRESS:
        last, again = (_gradients(model, penalty, progress) for _ in range(2))
        assert all(torch.equal(last[n], again[n]) for n in last), "not deterministic"
    assert any(gradient.any() for gradient in last.values()), "the penalty is without effect"
    assert all(gradient.isfinite().all() for gradient in last.values()), "a gradient is not finite"
    state = model.state_dict()
    assert all(torch.equal(before[n], state[n]) for n in before), "weights changed"
    doubled = _gradients(model, penalty, _PROGRESS[-1], calls=2)
    assert all(torch.allclose(doubled[n], 2 * last[n]) for n in last), (
        "gradients that are there must be added to"
    )
    moved = {n: before[n] - _STEP * gradient for n, gradient in last.items()}
    norms = [sum(float(t[n].square().sum()) for n in last) for t in (before, moved)]
    assert norms[1] < norms[0], "a step along the penalty makes the weights larger"


def _gradients(
    model: nn.Module, penalty: Penalty, progress: float, *, calls: int = 1
) -> dict[str, Tensor]:
    """Return what the penalty adds to gradients that are None, by parameter."""
    model.zero_grad(set_to_none=True)
    for _ in range(calls):
        penalty(progress)
    return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
