"""Training: it learns, keeps the best weights, repeats to the bit, and stops when it has to."""

from __future__ import annotations

import logging
import math
import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from paretoprune.config.groups.finetune import FinetuneSettings
from paretoprune.errors import DataError, SettingsError, TrainingError
from paretoprune.finetune.callbacks.masks import MaskSchedule
from paretoprune.finetune.distillation import Teacher
from paretoprune.finetune.fit import FitResult, fit
from paretoprune.finetune.training_run import TrainingRun
from paretoprune.results import EpochRecord
from paretoprune.stopwatch import Stopwatch
from paretoprune.tasks.inputs import Keyed
from tests.finetune.nets import CPU, NUM_CLASSES, batches, run_of, tiny_net, weights
from tests.kits.tasks import CLASSES

TRAIN, VALIDATION = batches(6), batches(2, seed=1)
# Not "auto": to be the same on processors with and without bfloat16.
SETTINGS = FinetuneSettings(learning_rate=0.2, precision="32")


def run(model: nn.Module, epochs: int = 3, **changes: object) -> FitResult:
    arguments = {
        "train_loader": TRAIN,
        "val_loader": VALIDATION,
        "settings": SETTINGS,
        "seed": 0,
        "device": CPU,
    } | changes
    return fit(model, CLASSES, TrainingRun(epochs=epochs, **arguments))  # type: ignore[arg-type]


def accuracy(model: nn.Module) -> float:
    """Percent on the validation batches, computed the simple way."""
    with torch.no_grad():
        right = [(model(x).argmax(1) == y).float().mean() for x, y in VALIDATION]
    return 100 * torch.stack(right).mean().item()


def test_it_learns_and_records_each_epoch() -> None:
    model = tiny_net()
    seen: list[EpochRecord] = []
    result = run(model, epochs=8, first_epoch=5, on_epoch=seen.append)
    assert [record.epoch for record in result.curve] == list(range(5, 13))
    assert tuple(seen) == result.curve
    assert result.curve[-1].train_loss < 0.7 * result.curve[0].train_loss
    assert accuracy(model) > 80
    assert sum(record.seconds for record in result.curve) <= result.seconds


def test_the_curve_is_what_the_weights_give() -> None:
    model = tiny_net()
    result = run(model, epochs=1)
    record = result.curve[0]
    logits = torch.cat([model(x) for x, _ in VALIDATION])
    labels = torch.cat([y for _, y in VALIDATION])
    assert record.quality == pytest.approx(accuracy(model))
    expected = nn.functional.cross_entropy(logits, labels).item()
    assert record.validation_loss == pytest.approx(expected, rel=1e-5)


def test_same_seed_same_bits_and_other_seed_other_bits() -> None:
    results = []
    for seed in (3, 3, 4):
        torch.rand(7)  # what was drawn before must not matter
        model = tiny_net()
        run(model, seed=seed)
        results.append(weights(model))
    assert all(torch.equal(results[0][name], results[1][name]) for name in results[0])
    assert not all(torch.equal(results[0][name], results[2][name]) for name in results[0])


def test_the_random_numbers_of_the_caller_are_untouched() -> None:
    torch.manual_seed(1)
    np.random.seed(1)
    model = tiny_net()
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    run(model, epochs=1)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])


def test_it_is_the_plain_loop_of_torch() -> None:
    """One epoch of a net without dropout equals SGD written by hand, to rounding."""
    model, twin = (nn.Sequential(nn.Flatten(), nn.Linear(72, NUM_CLASSES)) for _ in range(2))
    twin.load_state_dict(model.state_dict())
    run(model, epochs=1, settings=replace(SETTINGS, learning_rate=0.1, warmup=0.4))
    weight, bias = twin[1].weight, twin[1].bias
    optimizer = torch.optim.SGD(
        [{"params": [weight], "weight_decay": 5e-4}, {"params": [bias]}],
        lr=0.1,
        momentum=0.9,
        nesterov=True,
    )
    # 6 steps, peak at step round(0.4 * 5) = 2, from 0.1 / 25 up and down to 0.1 / 25 / 1e4.
    low, end = 0.1 / 25, 0.1 / 25 / 1e4
    rates = [0.1 + (low - 0.1) / 2 * (1 + math.cos(math.pi * t / 2)) for t in range(3)]
    rates += [end + (0.1 - end) / 2 * (1 + math.cos(math.pi * t / 3)) for t in range(1, 4)]
    for (x, y), rate in zip(TRAIN, rates, strict=True):
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad()
        nn.functional.cross_entropy(twin(x), y).backward()
        optimizer.step()
    torch.testing.assert_close(model[1].weight, weight, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(model[1].bias, bias, rtol=1e-4, atol=1e-6)


class Forgetful(nn.Module):
    """Right in its first epochs; afterwards its answers are turned round."""

    def __init__(self, good_steps: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(NUM_CLASSES))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        self.good_steps = good_steps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training:
            self.steps += 1
        brightness = x.mean((1, 2, 3))[:, None]
        classes = torch.arange(NUM_CLASSES)
        scores = -((brightness - classes) ** 2)
        return self.bias + (scores if self.steps <= self.good_steps else -scores)


def test_the_best_weights_are_restored() -> None:
    model = Forgetful(good_steps=2 * len(TRAIN))
    result = run(model, epochs=4, settings=FinetuneSettings(learning_rate=1e-3))
    assert result.best_epoch == 2  # as good as epoch 1, and trained for longer
    assert model.steps == 2 * len(TRAIN)
    assert result.best_quality == result.curve[1].quality
    assert result.curve[3].quality < result.best_quality
    assert accuracy(model) == pytest.approx(result.best_quality)


def test_the_start_takes_part_if_asked() -> None:
    model = Forgetful(good_steps=0)
    result = run(model, epochs=2, evaluate_start=True, first_epoch=4)
    assert result.best_epoch == 3
    assert model.steps == 0
    assert len(result.curve) == 2


def test_no_epochs_change_nothing() -> None:
    model = tiny_net()
    before = weights(model)
    result = run(model, epochs=0)
    assert (result.curve, result.best_epoch, result.best_quality) == ((), None, None)
    assert all(torch.equal(before[name], tensor) for name, tensor in weights(model).items())
    start = run(model, epochs=0, evaluate_start=True)
    assert start.best_quality == pytest.approx(accuracy(model))


def test_frozen_parameters_stay() -> None:
    model = tiny_net()
    model[0].requires_grad_(False)
    before = weights(model)
    run(model, epochs=1)
    assert torch.equal(model[0].weight, before["0.weight"])
    assert not torch.equal(model[3].weight, before["3.weight"])


def test_the_model_comes_back_ready_for_use() -> None:
    model = tiny_net()
    run(model, epochs=1)
    assert not any(module.training for module in model.modules())
    strides = {name: tensor.stride() for name, tensor in model.state_dict().items()}
    assert strides == {name: tensor.stride() for name, tensor in tiny_net().state_dict().items()}


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_no_number_stops_at_once(bad: float) -> None:
    poisoned = batches(6)
    poisoned[3][0][0, 0, 0, 0] = bad
    model, steps = tiny_net(), []
    model.register_forward_pre_hook(lambda *_: steps.append(1))
    with pytest.raises(TrainingError, match=r"at step 4 \(learning rate 0\.\d+\)"):
        run(model, train_loader=poisoned)
    assert len(steps) == 4


def test_a_diverged_validation_stops() -> None:
    poisoned = batches(1)
    poisoned[0][0][0] = math.nan
    with pytest.raises(TrainingError, match="validation loss is nan after epoch 1"):
        run(tiny_net(), val_loader=poisoned)


def test_empty_loaders_are_reported() -> None:
    with pytest.raises(DataError, match="batch_size"):
        run(tiny_net(), train_loader=[])
    with pytest.raises(DataError, match="validation"):
        run(tiny_net(), val_loader=[])


def test_distillation_needs_a_teacher() -> None:
    settings = FinetuneSettings(distillation=0.5)
    with pytest.raises(SettingsError, match="distillation"):
        run(tiny_net(), settings=settings)


def test_with_distillation_alone_the_labels_do_not_matter() -> None:
    wrong = [Keyed((x, torch.zeros_like(y)), key) for (x, y), key in batches(6, keys=True)]
    dense = tiny_net(seed=1)
    run(dense, epochs=6)
    student = tiny_net()
    teacher = Teacher(dense, CLASSES, device=CPU, num_keys=6 * 24)
    settings = FinetuneSettings(learning_rate=0.2, distillation=1.0)
    run(student, epochs=8, train_loader=wrong, settings=settings, teacher=teacher)
    assert accuracy(student) > 80


def test_ctrl_c_raises_keyboard_interrupt_and_still_works_afterwards() -> None:
    handler = signal.default_int_handler  # a process in the background ignores the signal
    before = signal.signal(signal.SIGINT, handler)

    def press(record: EpochRecord) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run(tiny_net(), on_epoch=press)
    assert signal.signal(signal.SIGINT, before) is handler


def test_sigterm_stops_within_the_epoch() -> None:
    class Stopping(list[list[torch.Tensor]]):
        def __iter__(self):  # type: ignore[no-untyped-def]
            for number, batch in enumerate(super().__iter__()):
                if number == 2:
                    os.kill(os.getpid(), signal.SIGTERM)
                assert number < 4
                yield batch

    with pytest.raises(SystemExit) as stop:
        run(tiny_net(), train_loader=Stopping(TRAIN))
    assert stop.value.code == 143


def test_what_on_epoch_raises_comes_through() -> None:
    class Stopped(Exception):
        pass

    def stop(record: EpochRecord) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        run(tiny_net(), on_epoch=stop)


def test_it_is_silent(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with caplog.at_level(logging.INFO):
        run(tiny_net(), epochs=1)
    output = capfd.readouterr()
    assert (output.out, output.err, caplog.text) == ("", "", "")
    assert list(tmp_path.iterdir()) == []


def test_a_torch_data_loader_is_taken_too() -> None:
    x = torch.cat([batch[0] for batch in TRAIN])
    y = torch.cat([batch[1] for batch in TRAIN])
    loader = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(x, y), batch_size=30, shuffle=True
    )
    first, second = tiny_net(), tiny_net()
    assert len(run(first, epochs=2, train_loader=loader).curve) == 2
    run(second, epochs=2, train_loader=loader)
    assert torch.equal(first[0].weight, second[0].weight)


def test_only_epochs_with_the_full_masks_can_be_best() -> None:
    model = Forgetful(good_steps=len(TRAIN))  # its best epoch is the first
    masks = MaskSchedule(lambda share: {"bias": torch.tensor([0.0, 1, 1])}, ramp=0.75)
    result = run(model, epochs=4, masks=masks, evaluate_start=True)
    assert result.best_epoch is not None and result.best_epoch >= 3
    assert model.bias[0] == 0 and (model.bias[1:] != 0).all()


def test_gradients_that_are_asked_for_are_those_of_frozen_layers_too() -> None:
    model = tiny_net()
    first = next(p for p in model.parameters() if p.dim() > 1).requires_grad_(False)
    before, seen = first.clone(), []
    fit(
        model,
        CLASSES,
        run_of(
            train_loader=batches(2),
            epochs=1,
            on_gradients=lambda: seen.append(float(first.grad.abs().max())),
        ),
    )
    assert len(seen) == 2 and min(seen) > 0
    assert torch.equal(first, before) and not first.requires_grad and first.grad is None


class Clock:
    """A clock that moves by itself each time a batch is taken."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Slow:
    """Batches that take a second each."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def __len__(self) -> int:
        return len(TRAIN)

    def __iter__(self) -> Iterator[Sequence[Tensor]]:
        for batch in TRAIN:
            self._clock.now += 1
            yield batch


@pytest.mark.parametrize(("seconds", "steps"), [(4.0, 4), (9.0, 9), (15.0, 15), (100.0, 18)])
def test_it_ends_by_the_clock_with_its_learning_rate_annealed(seconds: float, steps: int) -> None:
    clock = Clock()
    watch = Stopwatch(clock)
    result = run(tiny_net(), train_loader=Slow(clock), seconds=seconds, watch=watch)
    assert abs(sum(record.steps for record in result.curve) - steps) <= 1
    assert clock.now <= seconds + 1
    assert result.curve[-1].learning_rate < 0.3 * SETTINGS.learning_rate
    assert watch.seconds()["finetune"] == clock.now


def test_a_limit_that_is_not_reached_changes_nothing() -> None:
    models = tiny_net(), tiny_net()
    run(models[0], seconds=1e6)
    run(models[1])
    for name, tensor in models[0].state_dict().items():
        assert torch.equal(tensor, models[1].state_dict()[name])


def test_masks_are_complete_at_the_end_of_the_time() -> None:
    clock, shares = Clock(), list[float]()

    def mask_for(share: float) -> dict[str, Tensor]:
        shares.append(share)
        return {}

    masks = MaskSchedule(mask_for, ramp=0.6)
    run(tiny_net(), train_loader=Slow(clock), seconds=5.0, watch=Stopwatch(clock), masks=masks)
    assert masks.complete and shares[-1] == 1.0
