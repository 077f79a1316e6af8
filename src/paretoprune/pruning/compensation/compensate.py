"""Layer after layer in the order of the forward pass, each on what it gets from those before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from paretoprune.pruning.compensation.moments import Moments, moments_of, order_of_layers
from paretoprune.pruning.compensation.updates import bias, least_squares, obs
from paretoprune.pruning.modes import evaluating

Update = Callable[[nn.Module, Tensor, Moments], None]

METHODS: Mapping[str, Update] = {"bias": bias, "least_squares": least_squares, "obs": obs}


@torch.no_grad()
def compensate(
    method: str,
    model: nn.Module,
    reference: nn.Module,
    rows: Mapping[str, Sequence[int]],
    batches: Sequence[Tensor],
) -> None:
    """Update the kept weights of the pruned `model`, in place: its layers shall give what those of
    the `reference`, from which it was pruned, give on the calibration batches.

    `rows` names, by weight, the outputs of the reference that are left; all where absent. Plain
    convolutions and linear layers that run once in a forward pass are updated; others stay as they
    are. Both models run in evaluation mode and are left in the modes they had.
    """
    with evaluating(model, reference):
        for path in order_of_layers(model, batches[0]):
            kept = rows.get(f"{path}.weight")
            index = None if kept is None else torch.tensor(kept, device=batches[0].device)
            moments = moments_of(model, reference, path, index, batches)
            dense = reference.get_submodule(path).weight
            assert isinstance(dense, Tensor)
            METHODS[method](model.get_submodule(path), dense.detach().flatten(1), moments)
