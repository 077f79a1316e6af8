"""Detection: loss, meter and distance on a small detector, wrong data, and the kit."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from paretoprune.data import contents_of, describe
from paretoprune.data.generated.digit_boxes import digit_boxes
from paretoprune.data.given import as_datamodule
from paretoprune.errors import DataError, SettingsError
from paretoprune.models import small_ssd
from paretoprune.pruning.dependency.find import find_groups
from paretoprune.tasks.average_precision import coco_backend
from paretoprune.tasks.detection import Detection, computing_losses
from paretoprune.tasks.guess import Auto
from paretoprune.testing import check_task

TASK = Detection()
CPU = torch.device("cpu")
IMAGE = torch.rand(1, 24, 24)
TARGET = {"boxes": torch.tensor([[2.0, 3.0, 9.0, 11.0]]), "labels": torch.tensor([2])}

needs_coco = pytest.mark.skipif(
    not (find_spec("faster_coco_eval") or find_spec("pycocotools")),
    reason="the extra `detection` is not installed",
)


class Batches:
    """A loader of the same batch each time."""

    def __init__(self, *batch: Any) -> None:
        self._batch = batch

    def __iter__(self) -> Iterator[Any]:
        yield self._batch


def network() -> nn.Module:
    torch.manual_seed(0)
    return small_ssd(num_classes=4, in_channels=1, size=24, width=4)


def batch(size: int) -> Any:
    images = [torch.rand(1, 24, 24) for _ in range(size)]
    corners = [torch.randint(12, (2,)).float() for _ in range(size)]
    targets = [
        {"boxes": torch.cat([corner, corner + 9])[None], "labels": torch.tensor([1 + n % 3])}
        for n, corner in enumerate(corners)
    ]
    return images, targets


@needs_coco
@pytest.mark.parametrize("sizes", [(3, 2), (2, 1)])
def test_the_kit(sizes: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    check_task(TASK, network(), [batch(size) for size in sizes])


def test_the_loss_is_the_sum_of_the_models_losses() -> None:
    model, (images, targets) = network().train(), batch(3)
    torch.testing.assert_close(
        TASK.loss(model, (images, targets)), sum(model(images, targets).values())
    )


def test_losses_in_evaluation_mode_leave_the_model_as_it_was() -> None:
    model, one = network(), batch(2)
    model.extra = nn.Dropout()
    model.eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert TASK.loss(model, one).requires_grad and not any(m.training for m in model.modules())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    with computing_losses(model):
        modes = {type(module): module.training for module in model.modules()}
    assert modes[type(model)] and not modes[nn.Dropout] and not modes[nn.BatchNorm2d]


@needs_coco
def test_right_boxes_have_full_precision_and_none_have_no_precision() -> None:
    images, targets = batch(3)
    right = [{**target, "scores": torch.ones(1)} for target in targets]
    none = [{name: value[:0] for name, value in one.items()} for one in right]
    for found, expected in ((right, 100.0), (none, 0.0)):
        meter = TASK.meter(CPU)
        outputs = {"detections": found, "head": [], "loss": torch.ones(3)}
        meter.update(outputs, (images, targets))
        values = meter.compute()
        assert values == pytest.approx({"map": expected, "map50": expected, "loss": 1.0})


def test_a_model_without_a_head_cannot_be_compared() -> None:
    outputs = {"detections": [], "head": [], "loss": torch.ones(1)}
    with pytest.raises(SettingsError, match="name it in `task"):
        TASK.distance(outputs, outputs, batch(1))


def test_the_guess() -> None:
    assert Auto().choose(batch(2), None)[0] == TASK


def test_the_digests_hold_every_image_and_box() -> None:
    data = digit_boxes(num_images=20)
    before = contents_of(data, TASK).digests
    data._validation[0][1]["boxes"][0, 0] += 1
    changed = contents_of(data, TASK).digests
    assert {name for name in before if before[name] != changed[name]} == {"validation labels"}
    data._validation[0][0][0, 0, 0] += 1
    changed = contents_of(data, TASK).digests
    assert {name for name in before if before[name] != changed[name]} == {
        "validation labels",
        "validation inputs",
    }


def test_the_widths_of_the_backbone_can_be_pruned() -> None:
    images = [torch.rand(1, 24, 24) for _ in range(2)]
    groups = find_groups(network(), TASK.inputs((images, None)))
    assert {group.width for group in groups.prunable} == {4, 8, 16}


def changed(**values: Tensor) -> Any:
    return [IMAGE], [{**TARGET, **values}]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (([IMAGE], [TARGET, TARGET]), "batches must be"),
        ((IMAGE[None], [TARGET]), "batches must be"),
        (([IMAGE], [{"boxes": IMAGE}]), "batches must be"),
        (([IMAGE / 0], [TARGET]), "without NaN"),
        (changed(boxes=torch.ones(1, 5)), r"shape \(K, 4\)"),
        (changed(labels=torch.ones(2, dtype=torch.int64)), r"shape \(1,\), one for each box"),
        (changed(labels=torch.tensor([1.0])), "int64"),
        (changed(labels=torch.tensor([0])), "labels must be 1 to 2"),
        (changed(labels=torch.tensor([3])), "got 3 to 3"),
        (changed(boxes=torch.tensor([[9.0, 3.0, 2.0, 11.0]])), "x1 < x2"),
        (changed(boxes=torch.tensor([[2.0, 3.0, 9.0, 25.0]])), "inside the image of 24x24"),
    ],
)
def test_wrong_data_are_refused_in_one_sentence(wrong: Any, reason: str) -> None:
    data = as_datamodule((Batches(*wrong), Batches(*wrong)))
    vars(data)["num_classes"] = 3
    with pytest.raises(DataError, match=f"^train_dataloader.*{reason}") as raised:
        describe(data, TASK)
    assert "\n" not in str(raised.value)


def test_data_without_a_box_are_refused() -> None:
    empty = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)}
    data = as_datamodule((Batches([IMAGE], [empty]), Batches([IMAGE], [empty])))
    with pytest.raises(DataError, match="there is nothing to detect"):
        describe(data, TASK)


def test_classes_and_shape_are_found() -> None:
    data = as_datamodule((Batches([IMAGE], [TARGET]), Batches([IMAGE], [TARGET])))
    info = describe(data, TASK)
    assert TASK.fits(info) == {"num_classes": 3, "in_channels": 1}
    assert info.input_shape == (1, 24, 24) and info.num_train == 1
    boxes = [{**TARGET, "scores": torch.ones(1)}]
    assert TASK.check_outputs(boxes, 1, info) is None
    assert TASK.check_outputs({"loss": torch.ones(())}, 1, info) is None
    for wrong in (torch.ones(1, 3), [TARGET], boxes * 2):
        assert "list with a dict of boxes, labels, scores" in str(
            TASK.check_outputs(wrong, 1, info)
        )


def test_without_a_package_for_precisions_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"paretoprune\[detection\]"):
        coco_backend()
    with pytest.raises(SettingsError, match=r"paretoprune\[detection\]"):
        TASK.fitted({"train": [batch(1)], "validation": [batch(1)], "test": None})
