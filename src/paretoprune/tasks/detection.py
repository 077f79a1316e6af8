"""`task=detection`: boxes with classes, by models that compute their loss themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

from paretoprune.errors import DataError, SettingsError
from paretoprune.metrics import QUANTITIES, Quantity
from paretoprune.results import DataInfo
from paretoprune.tasks.average_precision import DetectionMeter, coco_backend
from paretoprune.tasks.detection_batches import (
    DETECTION,
    check_boxes,
    check_labels,
    count_classes,
    has_tensors,
    is_detection,
)
from paretoprune.tasks.inputs import Inputs, unkeyed
from paretoprune.tasks.interface import LOADERS, Batch, Loaders, Meter, Outputs, Task
from paretoprune.tasks.nest import floats, tensors_in
from paretoprune.tasks.output_task import described

_HEADS = ("head", "rpn.head")  # of the detectors of torchvision


@dataclass(frozen=True)
class Detection(Task):
    """Batches (images, targets): lists of images (C, H, W) and of dicts with boxes and labels.

    Boxes are (K, 4) float, x1, y1, x2, y2 in pixels, labels (K,) int64 from 1, as for torchvision's
    detectors. In training mode the model returns a dict of losses for (images, targets), in
    evaluation mode a list of dicts with boxes, labels and scores for the images. The loss is the
    sum of the dict. In evaluation mode it is computed for each image, with BatchNorm and dropout in
    evaluation mode and the rest of the model in training mode.

    `head` names the module whose outputs are compared in distillation; "auto" is `head` or
    `rpn.head`.
    """

    head: str = "auto"

    offers = ("num_classes", "in_channels")
    form = "detection (lists of images and of dicts with boxes and labels)"

    @property
    def qualities(self) -> tuple[Quantity, ...]:
        """Mean average precision over IoU 0.5 to 0.95, and at IoU 0.5 (as for COCO)."""
        return tuple(QUANTITIES[name] for name in ("map", "map50", "loss"))

    def inputs(self, batch: Batch) -> Inputs:
        """Return the list of images."""
        return Inputs((list(batch[0]),))

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Return the sum of the model's losses."""
        return self._loss_and_head(model, batch)[0]

    def loss_and_outputs(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Outputs]:
        """Return the loss and, in evaluation mode, the detections; else the head's outputs."""
        if not model.training:
            return self.loss(model, batch), self.outputs(model, batch)
        loss, head = self._loss_and_head(model, batch)
        return loss, {"detections": [], "head": head, "loss": loss}

    def outputs(self, model: nn.Module, batch: Batch) -> Outputs:
        """Return the detections, the outputs of the head, and the loss of each image (N,)."""
        with torch.no_grad():
            losses = [self._of_one(model, *pair) for pair in zip(*batch, strict=True)]
        with head_outputs(model, self.head) as head:
            detections = floats(self.inputs(batch).run(model))
        return {"detections": detections, "head": list(head), "loss": torch.stack(losses)}

    def distance(
        self, student: Outputs, teacher: Outputs, batch: Batch, *, temperature: float = 1.0
    ) -> Tensor:
        """Return the mean squared error of the head's outputs, relative to the teacher's.

        Raises:
            SettingsError: the model has no such head.
        """
        if not teacher["head"]:
            raise SettingsError(
                [
                    "the model has no module `head` or `rpn.head` whose outputs can be compared; "
                    "name it in `task.head`, or set `finetune.distillation=0`"
                ]
            )
        return super().distance(student["head"], teacher["head"], batch, temperature=temperature)

    def meter(self, device: torch.device) -> Meter:
        """Return a meter of the average precision and of the loss."""
        return DetectionMeter()

    def trivial(
        self, train: Iterable[Batch], validation: Iterable[Batch]
    ) -> Mapping[str, float] | None:
        """Return a precision of 0: without the image there is no box."""
        return {"map": 0.0, "map50": 0.0}

    def recognises(self, batch: Batch) -> str | None:
        """Recognise lists of images and of dicts with boxes and labels."""
        return "targets are dicts with boxes and labels" if is_detection(batch) else None

    def fitted(self, loaders: Loaders) -> Detection:
        """Return the task, after a check that what computes average precisions is installed.

        Raises:
            SettingsError: it is not.
        """
        coco_backend()
        return self

    def describe(self, info: DataInfo, loaders: Loaders) -> DataInfo:
        """Check the first batches, and count the classes, of which 0 is the background."""
        firsts = {
            part: next(iter(loader), None) for part, loader in loaders.items() if loader is not None
        }
        for part, batch in firsts.items():
            check_boxes(batch, f"{LOADERS[part]}()")
        classes = int(info.num_classes or len(info.class_names) or count_classes(loaders))
        for part, batch in firsts.items():
            check_labels(unkeyed(batch)[1], classes, f"{LOADERS[part]}()")
        shape = info.input_shape or tuple(unkeyed(firsts["train"])[0][0].shape)
        return replace(info, num_classes=classes, input_shape=shape)

    def fits(self, info: DataInfo) -> Mapping[str, object]:
        """Offer the number of classes with the background, and the channels of an image."""
        return {"num_classes": info.num_classes, "in_channels": info.input_shape[0]}

    def check_outputs(self, outputs: Outputs, count: int, info: DataInfo) -> str | None:
        """Require detections, or the losses of training mode."""
        if isinstance(outputs, Mapping):
            fits = all(isinstance(one, Tensor) and one.numel() == 1 for one in outputs.values())
        else:
            fits = isinstance(outputs, list) and len(outputs) == count
            fits = fits and all(has_tensors(one, DETECTION) for one in outputs)
        if fits:
            return None
        return (
            "be a dict of losses in training mode, and in evaluation mode a list with a dict of "
            f"{', '.join(DETECTION)} for each of {count} images"
        )

    def take(self, batch: Batch, index: slice | Tensor) -> Batch:
        """Return the images and targets at `index`."""
        chosen = torch.arange(len(batch[0]))
        chosen = chosen[index.cpu() if isinstance(index, Tensor) else index]
        return tuple([part[number] for number in chosen.tolist()] for part in batch)

    def join(self, batches: Sequence[Batch]) -> Batch:
        """Return several batches as one."""
        return tuple(
            [one for part in parts for one in part] for parts in zip(*batches, strict=True)
        )

    def _loss_and_head(self, model: nn.Module, batch: Batch) -> tuple[Tensor, list[Tensor]]:
        if model.training:
            with head_outputs(model, self.head) as head:
                loss = _summed(Inputs((list(batch[0]), list(batch[1]))).run(model))
            return loss, list(head)
        each = [self._of_one(model, *pair) for pair in zip(*batch, strict=True)]
        return torch.stack(each).mean(), []

    def _of_one(self, model: nn.Module, image: Tensor, target: Any) -> Tensor:
        """Return the loss of one image; samples that a detector draws are always the same."""
        with computing_losses(model), torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return _summed(Inputs(([image], [target])).run(model))


@contextmanager
def computing_losses(model: nn.Module) -> Iterator[None]:
    """Set training mode inside, but for BatchNorm and dropout; afterwards modes are restored."""
    modes = [(module, module.training) for module in model.modules()]
    for module, _ in modes:
        random = type(module).__name__ in ("StochasticDepth", "DropPath")
        module.training = not (random or isinstance(module, _BatchNorm | _DropoutNd))
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


@contextmanager
def head_outputs(model: nn.Module, name: str) -> Iterator[list[Tensor]]:
    """Collect the outputs of a detector's head inside; nothing if it has no such module."""
    modules = dict(model.named_modules())
    names = _HEADS if name == "auto" else (name,)
    heads = [modules[one] for one in names if one in modules]
    found: list[Tensor] = []
    handles = [
        head.register_forward_hook(lambda _module, _args, out: found.extend(tensors_in(out)))
        for head in heads[:1]
    ]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def _summed(losses: Any) -> Tensor:
    if not isinstance(losses, Mapping) or not losses:
        raise DataError(
            "in training mode a detector must return a dict of losses for (images, targets), got "
            f"{described(losses)}"
        )
    return torch.stack([loss.float().reshape(()) for loss in losses.values()]).sum()
