"""The contract of a compensation, asserted on single layers and on a small network."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from paretoprune.pruning.candidate import Candidate, MaskedCandidate, PrunedCandidate
from paretoprune.pruning.compensation.compensate import compensate
from paretoprune.pruning.compensation.methods.interface import Compensation
from paretoprune.pruning.dependency.find import find_groups
from paretoprune.pruning.scorers.data_free.magnitude import Magnitude
from paretoprune.pruning.structured.plan import Plan
from paretoprune.pruning.unstructured.layers import find_layers
from paretoprune.pruning.unstructured.patterns import Weights
from paretoprune.tasks.bound import TaskBatch
from paretoprune.testing.networks import image_batch, residual_network

_KEPT = 0.6  # of each group's channels, or of each layer's weights


def check_compensation(compensation: Compensation) -> None:
    """Raise AssertionError if a compensation breaks its contract.

    A small network is pruned, of channels unless the method has the trait `needs_zeros`, and of
    single weights. Afterwards its outputs on the calibration samples are nearer to those before
    pruning, weights that were zero are zero, all weights are finite, the same call gives the same,
    and the network before pruning is unchanged. With the trait `keeps_weights`, no weight with two
    dimensions or more has changed.
    """
    model, batch = residual_network(), image_batch(64)
    candidates: list[Candidate] = [MaskedCandidate(model, find_layers(model, Weights()))]
    if "needs_zeros" not in compensation.traits:
        groups = find_groups(model, batch.inputs).prunable
        candidates.append(PrunedCandidate(model, Plan({}), groups))
    for candidate in candidates:
        _check_pruned(compensation, candidate, batch)


def _check_pruned(compensation: Compensation, candidate: Candidate, batch: TaskBatch) -> None:
    model = candidate.model
    scores = candidate.score(Magnitude(), [])
    widths = {name: max(1, round(_KEPT * width)) for name, width in candidate.widths().items()}
    smaller = candidate.prune(scores, widths, proof=None)
    dense = copy.deepcopy(model.state_dict())
    before, first, second = (copy.deepcopy(smaller.model) for _ in range(3))
    for changed in (first, second):
        compensate(compensation, changed, model, smaller.kept_rows(candidate), batch)
    wanted = _outputs(model, batch)
    plain, after = (_error(one, batch, wanted) for one in (_renewed(before, batch), first))
    assert after < plain, f"the squared error of the outputs is {after:.3g}, without {plain:.3g}"
    _check_equal(first, second.state_dict(), "not deterministic")
    _check_equal(model, dense, "the network before pruning was changed")
    tensors = dict(first.named_parameters())
    for name, weight in before.named_parameters():
        assert tensors[name].isfinite().all(), f"{name} is not finite"
        if weight.dim() > 1:
            assert not tensors[name][weight == 0].any(), f"zeros of {name} were changed"
            kept = "keeps_weights" not in compensation.traits or weight.equal(tensors[name])
            assert kept, f'{name} changed, but `traits` names "keeps_weights"'


def _renewed(model: nn.Module, batch: TaskBatch) -> nn.Module:
    """Return the model with the BatchNorm statistics of the samples, as compensation leaves it."""
    compensate(_Nothing(), model, copy.deepcopy(model), {}, batch)
    return model


class _Nothing(Compensation):
    def update(self, layer: nn.Module, dense: Tensor, moments: object, /) -> None: ...


@torch.no_grad()
def _outputs(model: nn.Module, batch: TaskBatch) -> Tensor:
    outputs: Tensor = batch.inputs.run(model)
    return outputs


def _error(model: nn.Module, batch: TaskBatch, wanted: Tensor) -> float:
    return float((_outputs(model, batch) - wanted).square().sum())


def _check_equal(model: nn.Module, state: dict[str, Tensor], message: str) -> None:
    assert all(torch.equal(state[n], t) for n, t in model.state_dict().items()), message
