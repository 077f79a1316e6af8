"""Out of memory: smaller parts of a batch, the same training."""

from __future__ import annotations

import logging

import pytest
import torch
from torch import Tensor, nn

from paretoprune.config.groups.finetune import FinetuneSettings
from paretoprune.finetune.fit import FitResult, fit
from paretoprune.finetune.gradient_accumulation import is_out_of_memory
from paretoprune.finetune.module import split_batch
from paretoprune.finetune.training_run import TrainingRun
from tests.finetune.nets import CPU, NUM_CLASSES, batches
from tests.kits.tasks import CLASSES

TRAIN, VALIDATION = batches(4), batches(1, seed=1)


class Hungry(nn.Module):
    """A network that asks for a petabyte as soon as it trains on more than `most` samples."""

    def __init__(self, most: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.most = most
        self.seen: list[int] = []
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(72, 16), nn.ReLU(), nn.Linear(16, 3))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.seen.append(len(x))
            if len(x) > self.most:
                torch.empty(2**50)
        logits: Tensor = self.layers(x)
        return logits


def run(model: nn.Module) -> FitResult:
    return fit(
        model,
        CLASSES,
        TrainingRun(
            train_loader=TRAIN,
            val_loader=VALIDATION,
            settings=FinetuneSettings(learning_rate=0.05, precision="32"),
            epochs=2,
            seed=0,
            device=CPU,
        ),
    )


def test_the_parts_of_a_batch_train_as_the_batch_does(caplog: pytest.LogCaptureFixture) -> None:
    """Batches of 24; at most 7 fit, so 4 parts of 6 do. Without BatchNorm nothing else changes."""
    logging.getLogger("paretoprune").propagate = True
    plain, hungry = Hungry(most=99), Hungry(most=7)
    expected, found = run(plain), run(hungry)
    assert set(hungry.seen) == {24, 12, 6}
    assert [record.parts for record in found.curve] == [4, 4]
    assert [record.parts for record in expected.curve] == [1, 1]
    for name, tensor in plain.state_dict().items():
        torch.testing.assert_close(hungry.state_dict()[name], tensor)
    for one, other in zip(expected.curve, found.curve, strict=True):
        assert other.train_loss == pytest.approx(one.train_loss, rel=1e-5)
    assert (
        "out of memory: restarting with gradient accumulation over 4 micro-batches" in caplog.text
    )


def test_what_never_fits_is_raised() -> None:
    with pytest.raises(RuntimeError, match="can't allocate memory"):
        run(Hungry(most=0))


def test_other_errors_are_no_lack_of_memory() -> None:
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert not is_out_of_memory(RuntimeError("shape mismatch"))


@pytest.mark.parametrize(("size", "parts", "sizes"), [(7, 2, [4, 3]), (5, 8, [3, 2]), (1, 4, [1])])
def test_no_part_has_one_sample_unless_the_batch_has(
    size: int, parts: int, sizes: list[int]
) -> None:
    batch = [torch.zeros(size, 2), torch.arange(size) % NUM_CLASSES]
    split = split_batch(CLASSES, batch, parts)
    assert [(len(y), count) for (_, y), count in split] == [(one, one) for one in sizes]
    assert torch.equal(torch.cat([y for (_, y), _ in split]), batch[1])
