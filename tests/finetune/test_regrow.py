"""RigL: what is exchanged, against lists; and a whole training."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from paretoprune.config import FinetuneSettings, ScheduleSettings
from paretoprune.finetune import Regrow, fit
from paretoprune.finetune.regrow import exchange
from tests.finetune.nets import CPU, batches, tiny_net


@given(st.integers(0, 999), st.integers(1, 11), st.sampled_from([0.0, 0.3, 0.5, 1.0]))
def test_small_weights_go_and_large_gradients_come(seed: int, active: int, share: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(12, generator=generator)
    mask = torch.zeros(12, dtype=torch.bool)
    mask[order[:active]] = True
    weight = torch.randn(12, generator=generator) * mask
    gradient = torch.randn(12, generator=generator)
    found = exchange(mask, weight, gradient, share=share)
    count = min(round(share * active), 12 - active)
    on = sorted(mask.nonzero().flatten().tolist(), key=lambda i: -abs(float(weight[i])))
    stays = on[: active - count]
    off = [i for i in range(12) if i not in stays]
    comes = sorted(off, key=lambda i: -abs(float(gradient[i])))[:count]
    assert set(found.nonzero().flatten().tolist()) == {*stays, *comes}
    assert int(found.sum()) == active


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("overgrown", [1, 2])
def test_a_training_keeps_to_the_masks_and_ends_with_the_selection(
    overgrown: int, frozen: bool
) -> None:
    model = tiny_net()
    if frozen:
        next(p for p in model.parameters() if p.dim() > 1).requires_grad_(False)
    generator = torch.Generator().manual_seed(3)
    masks = {
        name: torch.rand(p.shape, generator=generator) < 0.6
        for name, p in model.named_parameters()
        if p.dim() > 1
    }
    keep = {name: int(mask.sum()) // overgrown for name, mask in masks.items()}
    settings = ScheduleSettings(name="regrow", every=2, until=0.75, exchanged=0.5)
    callback = Regrow(masks, keep, settings)
    result = fit(
        model,
        train_loader=batches(4),
        val_loader=batches(1, seed=9),
        settings=FinetuneSettings(learning_rate=0.05),
        epochs=4,
        seed=1,
        device=CPU,
        masks=callback,
    )
    assert callback.complete and result.best_epoch in (3, 4)
    parameters = dict(model.named_parameters())
    for name, mask in callback.masks.items():
        assert int(mask.sum()) == keep[name]
        assert (parameters[name][~mask] == 0).all()
    if overgrown == 1:
        assert any((callback.masks[name] & ~masks[name]).any() for name in masks)  # some came back
