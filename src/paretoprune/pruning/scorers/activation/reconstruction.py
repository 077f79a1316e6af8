"""Greedy OBS: channels that the remaining ones can reconstruct are unimportant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor, nn

from paretoprune.config.values import Positive
from paretoprune.errors import PruningError
from paretoprune.pruning.groups import Group
from paretoprune.pruning.scorers.parts.channels import Batches
from paretoprune.pruning.scorers.parts.inputs import by_place, watch_batches, without_padding
from paretoprune.pruning.scorers.parts.sides import Consumer, consumers, consumers_or_none

_RIDGE = 0.1  # ridge penalty on weight changes, relative to the mean variance of a layer's inputs
_STEPS = 128  # removal steps; wider groups lose several channels per step
_EPSILON = 1e-12  # added to variances, against division by zero


@dataclass(frozen=True)
class Reconstruction:
    """Output error of the consuming layers when channels are removed greedily with compensation.

    In each step the channel is removed whose loss changes the outputs of the layers that take it
    least while the weights of the others are updated optimally: the optimal brain surgeon (Hassibi
    and Stork 1993, eq. 5) for all weights of a layer's input jointly, as in SlimGPT (Ling et al.
    2024). A channel's score is the sum of the errors up to and including its own removal, each
    relative to the variance of a layer's outputs. The covariance of the inputs is estimated on the
    first `batches` batches, and assumed equal at all positions of a kernel.
    """

    batches: Positive = 2

    def __call__(
        self, model: nn.Module, groups: Sequence[Group], batches: Batches
    ) -> dict[str, Tensor]:
        """Scores by group name, shape (width,), higher is more important. Labels are not used.

        Raises:
            PruningError: there is no batch, or activations cannot be read or are not finite.
        """
        for group in groups:
            consumers(model, group)  # raises if there is none
        scores = self.where_read(model, groups, batches)
        if unread := [group for group in groups if group.name not in scores]:
            path = consumers(model, unread[0])[0].path
            raise PruningError(
                f"layer `{path}` is not run in the forward pass; its inputs cannot be read, so "
                "use scorer=magnitude or scorer=taylor"
            )
        return scores

    def where_read(
        self, model: nn.Module, groups: Sequence[Group], batches: Batches
    ) -> dict[str, Tensor]:
        """Score only those groups of which all consuming layers are run.

        Raises:
            PruningError: there is no batch, or an activation is not finite.
        """
        takers = {group.name: consumers_or_none(model, group) for group in groups}
        seen = _covariances(model, takers, islice(batches, self.batches))
        weights = dict(model.named_parameters())
        return {
            name: removal_costs(
                [_Layer.of(seen[name, t.path], _rows(weights[t.slot.tensor], t)) for t in found]
            )
            for name, found in takers.items()
            if found and all((name, taker.path) in seen for taker in found)
        }


@dataclass
class _Layer:
    """A consuming layer during the greedy removal of its input channels."""

    inverse: Tensor  # of covariance + ridge penalty, (width, width), float64
    gram: Tensor  # Gram matrix of the consuming weights, (width, width)
    variance: float  # of the layer's outputs that is due to these channels

    @classmethod
    def of(cls, covariance: Tensor, weights: Tensor) -> _Layer:
        """Build from the channels' covariance and the weights that take each, (weights, width)."""
        gram = weights.T @ weights
        penalty = _RIDGE * covariance.diagonal().mean() + _EPSILON
        inverse = torch.linalg.inv(covariance + torch.eye(len(gram)).to(gram) * penalty)
        return cls(inverse, gram, float((gram * covariance).sum()) + _EPSILON)

    def costs(self) -> Tensor:
        """Return the output change for each channel's removal, relative to the variance."""
        return self.gram.diagonal() / self.inverse.diagonal() / self.variance

    def remove(self, gone: Tensor) -> None:
        """Remove channels and compensate by the others."""
        pivot = self.inverse[gone]  # (gone, width)
        change = torch.linalg.solve(pivot[:, gone], pivot)
        lost = self.gram[gone]
        cross = lost.T @ change
        self.gram = self.gram - cross - cross.T + change.T @ lost[:, gone] @ change
        self.inverse = self.inverse - pivot.T @ change
        self.inverse[gone, gone] = 1.0  # keeps the matrix regular


def removal_costs(layers: Sequence[_Layer]) -> Tensor:
    """Return the accumulated cost up to each channel's removal: (width,), float32."""
    width = len(layers[0].gram)
    scores = torch.zeros(width, dtype=torch.float64)
    left = torch.arange(width)
    spent = torch.zeros((), dtype=torch.float64)
    while len(left):
        costs = sum((layer.costs() for layer in layers), torch.zeros_like(scores))[left]
        cheapest = costs.argsort(stable=True)[: max(1, width // _STEPS)]
        scores[left[cheapest]] = spent + costs[cheapest].clamp_min(0).cumsum(0)
        spent = scores[left[cheapest[-1]]]
        for layer in layers:
            layer.remove(left[cheapest])
        keep = torch.ones(len(left), dtype=torch.bool)
        keep[cheapest] = False
        left = left[keep]
    return scores.float()


def _covariances(
    model: nn.Module, takers: Mapping[str, Sequence[Consumer]], batches: Batches
) -> dict[tuple[str, str], Tensor]:
    """Return the channels' covariances by (group, layer path): (width, width), float64.

    Layers that are never run as modules are left out.
    """
    readers: dict[str, list[tuple[str, Consumer]]] = {}
    for name, found in takers.items():
        for taker in found:
            readers.setdefault(taker.path, []).append((name, taker))
    sums: dict[tuple[str, str], Tensor] = {}

    def note(path: str, entering: Tensor, valid: Tensor | None) -> None:
        values = without_padding(by_place(model.get_submodule(path), entering), valid)
        for name, taker in readers[path]:
            positions = torch.tensor(taker.slot.positions, device=values.device)
            x = values[:, positions].movedim(1, 0).flatten(1)  # (width, samples x places)
            x = torch.cat([x, torch.ones_like(x[:1])])
            sums[name, path] = sums.get((name, path), 0) + (x @ x.T).double().cpu()

    watch_batches(model, list(readers), batches, note)
    if not all(torch.isfinite(total).all() for total in sums.values()):
        raise PruningError("an activation is NaN or infinite; is the model trained?")
    return {key: _centred(total) for key, total in sums.items()}


def _centred(total: Tensor) -> Tensor:
    """Return the covariance, from the sum of x x^T whose x ends with a 1."""
    count, means = total[-1, -1], total[:-1, -1] / total[-1, -1]
    return total[:-1, :-1] / count - torch.outer(means, means)


def _rows(weight: Tensor, taker: Consumer) -> Tensor:
    """Return the weights that take each channel: (weights per channel, width), float64, CPU."""
    matrix = weight.detach().double().cpu().movedim(taker.slot.dim, 0)
    return matrix[torch.tensor(taker.slot.positions)].flatten(1).T
