"""Prunable groups of a model: found by tracing, then proved by removing channels."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter

import torch
from torch import Tensor, nn

from paretoprune.errors import PruningError
from paretoprune.pruning.dependency.blocks import find_blocks
from paretoprune.pruning.dependency.graph import check_runs, read_groups
from paretoprune.pruning.dependency.proof import Proof
from paretoprune.pruning.groups import Groups
from paretoprune.pruning.modes import evaluating
from paretoprune.pruning.structured.equivalence import run
from paretoprune.results.groups import KeptGroup
from paretoprune.tasks.inputs import Example, inputs_of

_MOST_LISTED = 5  # kept groups listed in the error message
_SMALL = (64, 96)  # image sizes that suffice for tracing most networks


def find_groups(
    model: nn.Module, example: Example, *, channels: bool = True, blocks: bool = False
) -> Groups:
    """Return the groups of the model, each proved: removing channels equals zeroing them.

    The groups are proved jointly, with a share of channels drawn at random for each, and in subsets
    where that fails, down to single groups: all failing groups are found, and a model without
    failures costs few forward passes. Residual `blocks` are found in addition to `channels`, or
    instead of them. `example` is one input of the model (or a tuple, one per argument) with its
    batch axis; images are reduced in size where the model accepts it. The model is not changed.

    Raises:
        PruningError: the model does not run on the example, its graph cannot be traced, or nothing
            in it can be pruned.
    """
    with torch.random.fork_rng(devices=[]):  # dropout in training mode uses the generator
        small = _smaller(model, example, check_runs(model, example))
        proof, groups = _proved(model, small, channels, blocks)
        if small is not example and not proof.holds_at(example, groups.prunable):
            _, groups = _proved(model, example, channels, blocks)
    if not groups.prunable:
        reasons = {kept.name: kept.reason for kept in groups.kept}
        raise PruningError(_nothing(reasons, blocks=blocks))
    return groups


def _proved(
    model: nn.Module, example: Example, channels: bool, blocks: bool
) -> tuple[Proof, Groups]:
    """Prove the groups with small weights first, then those that pass again with usual weights."""
    proof = Proof.of(model, example)
    caches = proof.generic.caches
    found = read_groups(proof.model, proof.reach, caches) if channels else Groups(())
    passed = proof.split(found.prunable)
    if blocks:
        whole = find_blocks(proof.model, proof.inputs)
        found = Groups((*found.prunable, *whole), found.kept)
        passed += proof.split(whole)
    proof.make_thorough()
    passed = proof.together(proof.split(passed))
    numbers = {group.name: group for group in passed}
    prunable = tuple(numbers[group.name] for group in found.prunable if group.name in numbers)
    reasons = {**proof.reasons, **{kept.name: kept.reason for kept in found.kept}}
    width = {group.name: group.width for group in found.prunable}
    width.update({group.name: group.width for group in found.kept})
    kept = tuple(KeptGroup(name, width[name], reason) for name, reason in reasons.items())
    return proof, Groups(prunable, kept)


def _smaller(model: nn.Module, example: Example, outputs: Sequence[Tensor]) -> Example:
    """Return smaller images if the model runs on them with the same number of output channels.

    Other output dimensions may shrink as well, as in segmentation.
    """
    inputs = inputs_of(example)
    images = list(inputs)
    if len(images) != 1 or images[0].dim() != 4 or not images[0].is_floating_point():
        return example
    shapes = [_channels(output) for output in outputs]
    for size in _SMALL:
        corner = (slice(2), slice(None), slice(size), slice(size))
        small = inputs.map(itemgetter(corner))
        if next(iter(small)).shape == images[0][:2].shape:
            return example
        try:
            with torch.no_grad(), evaluating(model):
                same = [_channels(output) for output in run(model, small)] == shapes
        except Exception:
            same = False
        if same:
            return small
    return example


def _channels(output: Tensor) -> tuple[int, ...]:
    """Return the number of dimensions, and the channels (4-d) or all sizes but the batch."""
    sizes = output.shape[1:2] if output.dim() == 4 else output.shape[1:]
    return (output.dim(), *sizes)


def _nothing(reasons: dict[str, str], *, blocks: bool) -> str:
    listed = "".join(
        f"\n  `{name}`: {reason}" for name, reason in list(reasons.items())[:_MOST_LISTED]
    )
    if len(reasons) > _MOST_LISTED:
        listed += f"\n  and {len(reasons) - _MOST_LISTED} more"
    if not blocks:
        listed += "\nwhole residual blocks may still be removable: try `granularity=depth`"
    return (
        "nothing in this model can be pruned. Prunable are channels between convolutions, linear "
        "layers and BatchNorm that no reshape or fixed size in `forward` constrains"
        + (f"; kept whole:{listed}" if listed else "")
    )
