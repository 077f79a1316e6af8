"""Options of the Trainer in a training: callbacks, accumulated batches, clipped gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor, nn

from paretoprune.config.groups.finetune import FinetuneSettings
from paretoprune.config.groups.trainer import TrainerSettings
from paretoprune.config.target import Target
from paretoprune.finetune.callbacks.masks import MaskSchedule
from paretoprune.finetune.fit import FitResult, fit
from paretoprune.finetune.training_run import TrainingRun
from tests.finetune.nets import CPU, batches, tiny_net, weights
from tests.kits.tasks import CLASSES

OWN = "tests.finetune.test_trainer_settings"
LIGHTNING = "lightning.pytorch.callbacks"
SGD = Target(path="torch.optim.SGD")  # plain, so that a step can be computed by hand
CONSTANT = Target(
    path="torch.optim.lr_scheduler.ConstantLR", arguments={"factor": 1.0, "total_iters": 1}
)
SETTINGS = FinetuneSettings(learning_rate=0.2, precision="32", weight_decay=0)
PLAIN = FinetuneSettings(
    learning_rate=0.1, precision="32", weight_decay=0, optimizer=SGD, lr_scheduler=CONSTANT
)


class Steps(Callback):
    """Counts the calls of its hooks."""

    seen: list[str] = []  # noqa: RUF012

    def on_before_optimizer_step(self, *_: object) -> None:
        self.seen.append("step")

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.seen.append("validation")

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.seen.append(f"epoch {'validation_accuracy' in trainer.callback_metrics}")


def run(
    model: nn.Module, settings: FinetuneSettings = SETTINGS, epochs: float = 2, **changes: Any
) -> FitResult:
    arguments: Mapping[str, Any] = {
        "train_loader": batches(4),
        "val_loader": batches(2, seed=1),
        "seed": 0,
        "device": CPU,
    } | changes
    return fit(model, CLASSES, TrainingRun(settings=settings, epochs=epochs, **arguments))


def callbacks(**targets: Target) -> TrainerSettings:
    return TrainerSettings(callbacks=targets)


def mean_gradient(model: nn.Module, parts: list[tuple[Tensor, Tensor]]) -> list[Tensor]:
    """The gradient of the mean loss over the batches, the simple way."""
    model = tiny_copy(model)
    losses = [nn.functional.cross_entropy(model(x), y) for x, y in parts]
    torch.stack(losses).mean().backward()
    return [p.grad if p.grad is not None else torch.zeros_like(p) for p in model.parameters()]


def net() -> nn.Sequential:
    """The tiny network without dropout."""
    model = tiny_net()
    model[7] = nn.Identity()
    return model


def tiny_copy(model: nn.Module) -> nn.Module:
    copy = net()
    copy.load_state_dict(model.state_dict())
    return copy.train()


def test_a_training_ends_early_and_says_how_long_it_was() -> None:
    stopping = Target(
        path=f"{LIGHTNING}.EarlyStopping",
        arguments={"monitor": "validation_loss", "patience": 1, "min_delta": 100.0},
    )
    result = run(tiny_net(), epochs=8, trainer=callbacks(early=stopping))
    assert len(result.curve) == 2, "the first epoch is the best, the second the last of patience"


def test_hooks_are_called_at_steps_and_validations_with_the_values_of_the_epoch() -> None:
    Steps.seen = []
    own = Target(path=f"{OWN}.Steps", trust=["tests"])
    run(tiny_net(), epochs=1, trainer=callbacks(own=own))
    assert Steps.seen == ["step"] * 4 + ["validation", "epoch True"]


def test_averaged_weights_are_validated_and_kept() -> None:
    """With a decay of 1 the average stays where it began: after the first step."""
    ema = Target(path=f"{LIGHTNING}.EMAWeightAveraging", arguments={"decay": 1.0})
    model, one_step = net(), net()
    result = run(model, PLAIN, epochs=2, trainer=callbacks(ema=ema))
    gradient = mean_gradient(one_step, batches(4)[:1])
    for kept, start, step in zip(model.parameters(), one_step.parameters(), gradient, strict=True):
        assert torch.allclose(kept, start - 0.1 * step, atol=1e-6)
    assert result.curve[0].quality == result.curve[1].quality


def test_averaged_weights_stay_masked() -> None:
    ema = Target(path=f"{LIGHTNING}.EMAWeightAveraging", arguments={"decay": 0.9})
    model = tiny_net()
    name = next(n for n, p in model.named_parameters() if p.dim() > 1)
    mask = torch.ones_like(dict(model.named_parameters())[name])
    mask.view(-1)[::2] = 0
    masks = MaskSchedule(lambda share: {name: mask} if share >= 1 else {}, ramp=0.5)
    run(model, epochs=2, masks=masks, trainer=callbacks(ema=ema))
    kept = dict(model.named_parameters())[name]
    assert (kept[mask == 0] == 0).all() and (kept[mask == 1] != 0).any()


def test_accumulated_batches_make_one_step_with_their_mean_gradient() -> None:
    model, start = net(), net()
    result = run(model, PLAIN, epochs=1, trainer=TrainerSettings(accumulate_grad_batches=4))
    gradient = mean_gradient(start, batches(4))
    for now, before, step in zip(model.parameters(), start.parameters(), gradient, strict=True):
        assert torch.allclose(now, before - 0.1 * step, atol=1e-6)
    assert result.curve[0].steps == 4, "batches"


def test_the_last_step_of_an_epoch_may_have_fewer_batches() -> None:
    Steps.seen = []
    own = Target(path=f"{OWN}.Steps", trust=["tests"])
    run(
        tiny_net(),
        epochs=1,
        trainer=TrainerSettings(callbacks={"own": own}, accumulate_grad_batches=3),
    )
    assert Steps.seen.count("step") == 2


@pytest.mark.parametrize("algorithm", ["norm", "value"])
def test_gradients_are_clipped(algorithm: Any) -> None:
    model, start = net(), net()
    limit = TrainerSettings(gradient_clip_val=1e-3, gradient_clip_algorithm=algorithm)
    run(model, PLAIN, epochs=1, train_loader=batches(1), trainer=limit)
    pairs = zip(model.parameters(), start.parameters(), strict=True)
    moved = torch.cat([(now - before).flatten() for now, before in pairs])
    length = moved.norm() if algorithm == "norm" else moved.abs().max()
    assert length.item() == pytest.approx(1e-4, rel=0.01), "the learning rate times the limit"


def test_other_callbacks_change_nothing() -> None:
    model, plain = tiny_net(), tiny_net()
    own = Target(path=f"{OWN}.Steps", trust=["tests"])
    run(model, trainer=callbacks(own=own))
    run(plain)
    assert all(torch.equal(one, weights(plain)[name]) for name, one in weights(model).items())
