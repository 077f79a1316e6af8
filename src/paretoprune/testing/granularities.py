"""The contract of a granularity, asserted on a small residual network."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from paretoprune.pruning.candidate import PrunedCandidate
from paretoprune.pruning.granularities.interface import Granularity
from paretoprune.pruning.groups import Groups
from paretoprune.pruning.structured.plan import Plan
from paretoprune.pruning.unstructured.layers import MaskedLayers
from paretoprune.tasks.inputs import Inputs
from paretoprune.testing.networks import image_batch, residual_network


def check_granularity(granularity: Granularity) -> None:
    """Raise AssertionError where a granularity does not keep its contract.

    At least one unit is found, the same call finds the same, and the model is left as it was.
    Groups can be pruned to any width, and the smaller model computes what the masked one does
    (EquivalenceError otherwise). Masks keep the share of the weights that was asked for, the best
    ones first, and are nested.
    """
    model, example = residual_network(), image_batch().inputs
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    found = granularity.find(model, example)
    traits = getattr(granularity, "traits", ())
    if isinstance(found, MaskedLayers):
        assert "is_unstructured" in traits, '`traits` must name "is_unstructured"'
        _check_masks(found)
    else:
        assert isinstance(found, Groups), f"`find` returned {type(found).__name__}"
        assert "is_unstructured" not in traits, '`traits` must not name "is_unstructured"'
        _check_groups(found, model, example)
    assert granularity.find(model, example) == found, "not deterministic"
    after = model.state_dict()
    assert before.keys() == after.keys(), "the model was changed"
    assert all(torch.equal(before[name], after[name]) for name in before), "weights changed"
    assert not any(module.training for module in model.modules()), "modes changed"


def _check_groups(found: Groups, model: nn.Module, example: Inputs) -> None:
    groups = found.prunable
    assert groups, "nothing to prune was found"
    assert len({group.name for group in groups}) == len(groups), "two groups have one name"
    scores = {group.name: torch.arange(1.0, group.width + 1) for group in groups}
    dense = PrunedCandidate(model, Plan({}), groups)
    for group in groups:
        widths = {group.name: group.width // 2}
        smaller = dense.prune(scores, widths, proof=example)
        assert smaller.widths()[group.name] == group.width // 2


def _check_masks(layers: MaskedLayers) -> None:
    assert layers.found, "no layer fits the pattern"
    for layer in layers.found:
        scores = torch.rand(layer.shape, generator=torch.Generator().manual_seed(2))
        assert layers.pattern.unit_scores(scores).shape == (layer.units,), layer.name
        kept = torch.ones(layer.shape, dtype=torch.bool)
        for keep in sorted({layer.units, layer.units // 2, 1, 0}, reverse=True):
            mask = layers.masks({layer.name: scores}, {layer.name: keep}).get(layer.tensor, kept)
            _check_mask(mask, kept, keep / layer.units, layer.name)
            kept = mask


def _check_mask(mask: Tensor, wider: Tensor, share: float, name: str) -> None:
    assert (mask.dtype, mask.shape) == (torch.bool, wider.shape), f"{name}: a boolean mask"
    assert mask.sum() == round(share * mask.numel()), f"{name}: another share is kept"
    assert not (mask & ~wider).any(), f"{name}: masks are not nested"
