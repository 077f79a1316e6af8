"""Segmentation: loss, distance, meter and trivial predictor by hand, wrong data, and the kit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from paretoprune.data import describe
from paretoprune.data.given import as_datamodule
from paretoprune.errors import DataError, SettingsError
from paretoprune.models import torchvision_model
from paretoprune.pruning.dependency.find import find_groups
from paretoprune.pruning.structured.apply import apply_plan
from paretoprune.pruning.structured.masks import masked_model
from paretoprune.pruning.structured.plan import make_plan
from paretoprune.results import DataInfo
from paretoprune.tasks.bound import TaskBatch
from paretoprune.tasks.guess import Auto
from paretoprune.tasks.segmentation import Segmentation
from paretoprune.testing import check_task

TASK = Segmentation()
CLASSES = 4
IGNORED = 255
CPU = torch.device("cpu")


class Net(nn.Module):
    """A convolution, to logits at half the size, in a dict with an auxiliary head."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Conv2d(3, CLASSES, 3, padding=1, stride=2)
        self.aux = nn.Conv2d(3, CLASSES, 1)

    def forward(self, input: Tensor) -> dict[str, Tensor]:
        outputs = {"out": self.head(input)}
        return {**outputs, "aux": self.aux(input)} if self.training else outputs


class Batches:
    """A loader of the same batch each time."""

    def __init__(self, *batch: Any) -> None:
        self._batch = batch

    def __iter__(self) -> Iterator[Any]:
        yield self._batch


def batch(size: int, height: int = 6, width: int = 8) -> Any:
    labels = torch.randint(CLASSES, (size, height, width))
    labels[:, 0, :3] = IGNORED
    return torch.randn(size, 3, height, width), labels


def keywords(size: int) -> Any:
    images, labels = batch(size)
    return {"input": images, "labels": labels}


@pytest.mark.parametrize("make", [batch, keywords])
@pytest.mark.parametrize("sizes", [(8, 8), (8, 3), (5, 1)])
@pytest.mark.parametrize("network", [Net, lambda: nn.Conv2d(3, CLASSES, 1)])
def test_the_kit(make: Any, sizes: tuple[int, ...], network: Any) -> None:
    torch.manual_seed(0)
    check_task(TASK, network(), [make(size) for size in sizes])


def test_without_ignored_pixels_the_loss_is_torchs() -> None:
    torch.manual_seed(0)
    model, (images, _) = nn.Conv2d(3, CLASSES, 1), batch(5)
    labels = torch.randint(CLASSES, (5, 6, 8))
    torch.testing.assert_close(
        TASK.loss(model, (images, labels)), cross_entropy(model(images), labels)
    )


def test_ignored_pixels_do_not_matter() -> None:
    torch.manual_seed(0)
    model, (images, labels) = nn.Conv2d(3, CLASSES, 1), batch(4)
    teacher = model(images).detach()
    changed = torch.where((labels == IGNORED)[:, None], 7.0, 1.0) * images
    found, other = (
        (
            TASK.loss(model, (x, labels)),
            TASK.distance(
                2 * model(x), torch.where(labels[:, None] == IGNORED, 9.0, teacher), (x, labels)
            ),
        )
        for x in (images, changed)
    )
    torch.testing.assert_close(found, other)


def test_an_image_without_a_class_costs_nothing() -> None:
    images, labels = batch(2)
    labels[1] = IGNORED
    losses = TASK.losses(nn.Conv2d(3, CLASSES, 1)(images), labels)
    assert losses[0] > 0 and losses[1] == 0


def test_the_auxiliary_loss_counts_in_training_alone() -> None:
    torch.manual_seed(0)
    model, (images, labels) = Net(), batch(4)
    out, aux = (TASK.losses(found, labels).mean() for found in model(images).values())
    torch.testing.assert_close(TASK.loss(model.train(), (images, labels)), out + 0.5 * aux)
    torch.testing.assert_close(TASK.loss(model.eval(), (images, labels)), out)


def test_miou_is_that_of_the_whole_part() -> None:
    torch.manual_seed(0)
    batches = [batch(3), batch(2)]
    outputs = [torch.randn(len(x), CLASSES, *x.shape[2:]) for x, _ in batches]
    meter = TASK.meter(CPU)
    for found, one in zip(outputs, batches, strict=True):
        meter.update(found, one)
    seen = torch.cat([found.argmax(1).flatten() for found in outputs])
    labels = torch.cat([y.flatten() for _, y in batches])
    seen, labels = seen[labels != IGNORED], labels[labels != IGNORED]
    each = [
        ((seen == c) & (labels == c)).sum() / ((seen == c) | (labels == c)).sum()
        for c in range(CLASSES)
    ]
    values = meter.compute()
    assert values["miou"] == pytest.approx(100 * float(torch.stack(each).mean()), rel=1e-5)
    assert values["pixel_accuracy"] == pytest.approx(100 * float((seen == labels).float().mean()))
    assert meter.per_sample() is None


def test_the_distance_is_the_divergence_of_each_pixel() -> None:
    rng = np.random.default_rng(0)
    student, teacher = rng.normal(size=(2, 2, CLASSES, 3, 3))
    labels = torch.zeros(2, 3, 3, dtype=torch.int64)

    powers = np.exp(teacher / 2), np.exp(student / 2)
    p, q = (one / one.sum(1, keepdims=True) for one in powers)
    expected = 4 * (p * np.log(p / q)).sum(1).mean()
    found = TASK.distance(
        torch.from_numpy(student), torch.from_numpy(teacher), (labels, labels), temperature=2.0
    )
    assert float(found) == pytest.approx(expected)


def test_the_trivial_predictor_is_no_worse_than_any_constant() -> None:
    torch.manual_seed(0)
    images, labels = batch(6)
    labels[labels == 3] = 1
    found = TASK.trivial([], [(images[:4], labels[:4]), (images[4:], labels[4:])])
    assert found is not None
    measured = []
    for constant in range(CLASSES):
        meter = TASK.meter(CPU)
        logits = nn.functional.one_hot(torch.full(labels.shape, constant), CLASSES)
        meter.update(logits.movedim(3, 1).float(), (images, labels))
        measured.append(meter.compute())
    for name in ("miou", "pixel_accuracy"):
        assert found[name] == pytest.approx(max(one[name] for one in measured), rel=1e-5)
    bias = torch.zeros(CLASSES, requires_grad=True)
    for _ in range(300):
        loss = TASK.mean_loss(bias[None, :, None, None].expand(6, -1, 6, 8), labels)
        (gradient,) = torch.autograd.grad(loss, bias)
        bias = (bias - 5 * gradient).detach().requires_grad_()
    assert found["loss"] == pytest.approx(float(loss.detach()), abs=1e-3)
    assert TASK.trivial([], []) is None


def test_the_guess() -> None:
    task, reason = Auto().choose(batch(2), None)
    assert task == TASK and reason == "labels are int64 of (2, 6, 8)"


def test_images_of_several_sizes_are_joined_without_counting_what_is_added() -> None:
    small, large = batch(2, 4, 4), batch(1)
    joined = TaskBatch.joined([TaskBatch(TASK, small), TaskBatch(TASK, large)])
    labels = TASK.targets(joined.batch)
    assert torch.equal(labels[:2, :4, :4], small[1]) and torch.equal(labels[2:], large[1])
    assert (labels[:2, 4:] == IGNORED).all() and (labels[:2, :, 4:] == IGNORED).all()
    with pytest.raises(DataError, match="several sizes"):
        Segmentation(ignore_index=None).join([small, large])


def described(x: Any, y: Any, task: Segmentation = TASK, **stated: Any) -> DataInfo:
    data = as_datamodule((Batches(x, y), Batches(x, y)))
    for name, value in stated.items():
        setattr(data, name, value)
    return describe(data, task)


def test_the_classes_are_counted_without_the_ignored_label() -> None:
    info = described(*batch(4))
    assert (info.num_classes, info.input_shape) == (CLASSES, (3, 6, 8))
    assert TASK.fits(info) == {"num_classes": CLASSES, "in_channels": 3}


IMAGES, LABELS = torch.zeros(2, 3, 4, 4), torch.ones(2, 4, 4, dtype=torch.int64)


@pytest.mark.parametrize(
    ("x", "y", "reason"),
    [
        (IMAGES, LABELS + 4, "labels must be 0 to 3 .* or 255 .* got 5 to 5; set `task.ignore"),
        (IMAGES, LABELS - 2, "got -1 to -1"),
        (IMAGES, LABELS[:, :2], r"shape \(2, 4, 4\), .* got torch.int64 of \(2, 2, 4\)"),
        (IMAGES, LABELS[:, None], r"got torch.int64 of \(2, 1, 4, 4\)"),
        (IMAGES, LABELS.byte(), "got torch.uint8"),
        (IMAGES, 0 * LABELS + IGNORED, "no pixel of the first batch has a class"),
        (IMAGES[:, 0], LABELS, r"there must be images \(N, C, H, W\)"),
        (IMAGES.byte(), LABELS, "floating-point"),
        (IMAGES / 0.0, LABELS, "without NaN"),
        (IMAGES, [1, 2], "got a list of 2"),
    ],
)
def test_wrong_data_are_refused_in_one_sentence(x: Any, y: Any, reason: str) -> None:
    with pytest.raises(DataError, match=f"^train_dataloader.*{reason}") as raised:
        described(x, y, num_classes=CLASSES)
    assert "\n" not in str(raised.value)


def test_batches_of_three_tensors_are_refused() -> None:
    data = as_datamodule((Batches(IMAGES, LABELS, LABELS), Batches(IMAGES, LABELS, LABELS)))
    with pytest.raises(DataError, match="got a tuple of 3"):
        describe(data, TASK)


def test_wrong_options_and_outputs_are_refused() -> None:
    with pytest.raises(SettingsError, match="aux_weight"):
        Segmentation(aux_weight=-1)
    info = described(*batch(2))
    assert TASK.check_outputs({"out": torch.zeros(2, CLASSES, 3, 3)}, 2, info) is None
    for wrong in (torch.zeros(2, CLASSES), torch.zeros(2, 3, 6, 8), {"masks": None}):
        assert "(2, 4, height, width)" in str(TASK.check_outputs(wrong, 2, info))


def test_a_network_of_torchvision_is_pruned() -> None:
    """Half of each group is removed, and the pruned network computes what the masked one does."""
    torch.manual_seed(0)
    model = torchvision_model("lraspp_mobilenet_v3_large", num_classes=CLASSES, in_channels=1)
    images = torch.randn(2, 1, 32, 32)
    groups = find_groups(model.eval(), images).prunable
    assert any(group.name.startswith("classifier") for group in groups)
    scores = {group.name: torch.rand(group.width) for group in groups}
    plan = make_plan(groups, scores, {group.name: -(-group.width // 2) for group in groups})
    pruned = apply_plan(model, groups, plan)
    before, after = (sum(p.numel() for p in one.parameters()) for one in (model, pruned))
    assert after < 0.5 * before
    found = TASK.outputs(pruned, (images, None))
    assert found.shape == (2, CLASSES, 32, 32)
    wanted = TASK.outputs(masked_model(model, groups, plan), (images, None))
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_an_unknown_network_is_refused_with_what_there_is() -> None:
    with pytest.raises(SettingsError, match="segmentation network"):
        torchvision_model("lraspp_mobilenet")
