"""Mean average precision of detections, by torchmetrics."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from paretoprune.errors import SettingsError
from paretoprune.tasks.detection_batches import DETECTION, TARGET
from paretoprune.tasks.interface import Batch, Outputs


class DetectionMeter:
    """Average precision by torchmetrics, and the mean loss over all images."""

    def __init__(self) -> None:
        # Imported here, since it takes seconds that other processes need not spend.
        from torchmetrics.detection import MeanAveragePrecision

        self._metric = MeanAveragePrecision(backend=coco_backend())
        self._losses: list[float] = []

    def update(self, outputs: Outputs, batch: Batch) -> None:
        """Take in the outputs for a batch."""
        found = [{name: one[name].cpu() for name in DETECTION} for one in outputs["detections"]]
        wanted = [{name: one[name].cpu() for name in TARGET} for one in batch[1]]
        self._metric.update(found, wanted)
        self._losses += outputs["loss"].tolist()

    def compute(self) -> dict[str, float]:
        """Return the qualities by name, rates in percent."""
        found = self._metric.compute()
        rates = {"map": found["map"], "map50": found["map_50"]}
        # -1 says that there is no box at all
        values = {name: max(0.0, 100.0 * float(rate)) for name, rate in rates.items()}
        return {**values, "loss": sum(self._losses) / len(self._losses)}

    def per_sample(self) -> Tensor | None:
        """Return None: the average precision is no mean over images."""
        return None


def coco_backend() -> Literal["faster_coco_eval", "pycocotools"]:
    """Return the installed package that computes average precisions.

    Raises:
        SettingsError: there is none.
    """
    from importlib.util import find_spec

    names: tuple[Literal["faster_coco_eval", "pycocotools"], ...]
    names = ("faster_coco_eval", "pycocotools")
    for name in names:
        if find_spec(name):
            return name
    raise SettingsError(
        ['`task=detection` needs faster-coco-eval: pip install "paretoprune[detection]"']
    )
