"""Masks hold weights at exactly zero, and grow along the ramp up to the whole plan."""

from __future__ import annotations

import torch
from torch import Tensor

from paretoprune.config.groups.finetune import FinetuneSettings
from paretoprune.finetune.callbacks.masks import MaskSchedule
from paretoprune.finetune.fit import fit
from paretoprune.finetune.pruning_steps import gradual_share
from paretoprune.finetune.training_run import TrainingRun
from tests.finetune.nets import CPU, batches, tiny_net
from tests.kits.tasks import CLASSES

TRAIN, VALIDATION = batches(5), batches(1, seed=1)
NUM_STEPS = 4 * len(TRAIN)


class Recorder:
    """Masks of the first conv's channels, and the shares that were asked for."""

    def __init__(self) -> None:
        self.shares: list[float] = []

    def __call__(self, share: float) -> dict[str, Tensor]:
        self.shares.append(share)
        kept = torch.ones(8)
        kept[: round(share * 4)] = 0
        return {"0.weight": kept[:, None, None, None].expand(8, 2, 3, 3), "1.bias": kept}


def train(masks: MaskSchedule) -> list[Tensor]:
    """The first conv's weights after each validation of a training."""
    model = tiny_net()
    seen: list[Tensor] = []
    fit(
        model,
        CLASSES,
        TrainingRun(
            train_loader=TRAIN,
            val_loader=VALIDATION,
            settings=FinetuneSettings(learning_rate=0.2),
            epochs=4,
            seed=0,
            device=CPU,
            masks=masks,
            on_epoch=lambda record: seen.append(model[0].weight.detach().clone()),
        ),
    )
    return [*seen, model[0].weight.detach()]


def test_the_shares_follow_the_ramp_and_end_at_one() -> None:
    recorder = Recorder()
    train(MaskSchedule(recorder, ramp=0.55, refresh_every=3))
    ramp_steps = round(0.55 * NUM_STEPS)
    assert recorder.shares == [gradual_share(step, ramp_steps) for step in (3, 6, 9, 11)]


def test_masked_weights_are_exactly_zero_to_the_end() -> None:
    masks = MaskSchedule(Recorder(), ramp=0.5)
    weights = train(masks)
    assert masks.complete
    for weight in weights[2:]:  # the ramp ends with the second epoch's last step
        assert (weight[:4] == 0).all()
        assert (weight[4:] != 0).all()


def test_a_ramp_over_the_whole_training_is_complete_at_the_end() -> None:
    weights = train(MaskSchedule(Recorder(), ramp=1.0))
    assert not (weights[0][:4] == 0).all()
    assert (weights[-1][:4] == 0).all()


def test_a_schedule_can_be_used_again() -> None:
    recorder = Recorder()
    masks = MaskSchedule(recorder, ramp=1.0, refresh_every=10)
    train(masks)
    first, recorder.shares = recorder.shares, []
    train(masks)
    assert recorder.shares == first
