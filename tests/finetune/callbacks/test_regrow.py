"""RigL: what is exchanged, against lists; and a whole training."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from lightning import LightningModule, Trainer
from torch import Tensor, nn

from paretoprune.finetune.callbacks.regrow import Regrow, exchange
from paretoprune.finetune.fit import fit
from paretoprune.finetune.module import FinetuneModule
from tests.finetune.nets import run_of, tiny_net
from tests.kits.tasks import CLASSES

State = dict[str, dict[str, Tensor]]


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


def test_an_active_weight_of_zero_comes_before_inactive_ones() -> None:
    """As one that was regrown and had no gradient since: it may be dropped, they may not stay."""
    mask = torch.tensor([False, True, True, True])
    weight, gradient = torch.tensor([0.0, 0.0, 1.0, 2.0]), torch.zeros(4)
    assert exchange(mask, weight, gradient, share=0.0).tolist() == mask.tolist()


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
    callback = Regrow(masks, keep, every=2, until=0.75, exchanged=0.5)
    result = fit(
        model,
        CLASSES,
        run_of(masks=callback),
    )
    assert callback.complete and result.best_epoch in (3, 4)
    parameters = dict(model.named_parameters())
    for name, mask in callback.masks.items():
        assert int(mask.sum()) == keep[name]
        assert (parameters[name][~mask] == 0).all()
    if overgrown == 1:
        assert any((callback.masks[name] & ~masks[name]).any() for name in masks)  # some came back


class Recorded(Regrow):
    """Keeps what it had and what it made of it, step by step."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_train_start(trainer, pl_module)
        self.seen: list[tuple[State, State]] = []

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: object) -> None:
        assert isinstance(pl_module, FinetuneModule)
        before = self.state(pl_module)
        super().on_train_batch_end(trainer, pl_module)
        self.seen.append((before, self.state(pl_module)))

    def state(self, module: FinetuneModule) -> State:
        tensors = {name: p for name, p in module.model.named_parameters() if name in self.masks}
        momenta = module.configure_optimizers().state
        return {
            name: {
                "mask": self.masks[name].clone(),
                "weight": p.detach().clone(),
                "gradient": p.grad.clone(),
                "momentum": momenta[p]["momentum_buffer"].clone(),
            }
            for name, p in tensors.items()
            if p.grad is not None
        }


def test_weights_are_exchanged_at_the_steps_and_in_the_shares_of_the_schedule() -> None:
    """Step by step against the paper: every second step until three quarters of sixteen."""
    model, generator = tiny_net(), torch.Generator().manual_seed(3)
    masks = {n: torch.rand(p.shape, generator=generator) < 0.5 for n, p in weights_of(model)}
    keep = {name: int(mask.sum()) // 2 for name, mask in masks.items()}
    callback = Recorded(masks, keep, every=2, until=0.75, exchanged=0.8)
    fit(
        model,
        CLASSES,
        run_of(masks=callback),
    )
    assert len(callback.seen) == 16
    for step, (before, after) in enumerate(callback.seen, 1):
        share = 0.8 * (1 + math.cos(math.pi * step / 12)) / 2
        for name, was in before.items():
            active = was["weight"] * was["mask"]
            mask = was["mask"]
            if step == 12:
                size = active.abs().flatten().sort(descending=True).values[keep[name] - 1]
                mask = active.abs() >= size
            elif step < 12 and step % 2 == 0:
                mask = exchange(was["mask"], active, was["gradient"], share=share)
                assert (mask != was["mask"]).any() or step == 10
            assert torch.equal(after[name]["mask"], mask)
            assert torch.equal(after[name]["weight"], active * mask)  # what comes back is zero
            at_rest = was["mask"] & mask if step <= 12 and step % 2 == 0 else torch.tensor(True)
            assert torch.equal(after[name]["momentum"], was["momentum"] * at_rest)


@pytest.mark.parametrize(("until", "last"), [(0.75, 3), (0.5, 2), (0.01, 1), (1.0, 4)])
def test_masks_are_complete_once_the_selection_was_made(until: float, last: int) -> None:
    model = tiny_net()
    masks = {name: torch.ones(p.shape, dtype=torch.bool) for name, p in weights_of(model)}
    keep = {name: mask.numel() // 2 for name, mask in masks.items()}
    callback = Recorded(masks, keep, every=9, until=until, exchanged=0.3)
    assert not callback.complete
    fit(
        model,
        CLASSES,
        run_of(epochs=1, masks=callback),
    )
    assert callback.complete and all(mask.all() for mask in masks.values())  # ours are untouched
    whole = [all(s["mask"].all() for s in after.values()) for _, after in callback.seen]
    assert whole == [step < last for step in range(1, 5)]


def weights_of(model: nn.Module) -> list[tuple[str, Tensor]]:
    return [(name, p) for name, p in model.named_parameters() if p.dim() > 1]
