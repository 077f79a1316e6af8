"""`task=auto`: the task that the batches and the model's class are of."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lightning import LightningModule
from torch import Tensor

from paretoprune.errors import DataError
from paretoprune.tasks.classification import Classification
from paretoprune.tasks.detection import Detection
from paretoprune.tasks.inputs import unkeyed
from paretoprune.tasks.interface import Batch, Task
from paretoprune.tasks.multi_label import MultiLabel
from paretoprune.tasks.numbers.forecasting import Forecasting
from paretoprune.tasks.numbers.reconstruction import Reconstruction
from paretoprune.tasks.numbers.regression import Regression
from paretoprune.tasks.output_task import described, has_pairs
from paretoprune.tasks.own.lightning import Lightning
from paretoprune.tasks.own.steps import TRAINING, defines
from paretoprune.tasks.recommenders.ranking import Ranking
from paretoprune.tasks.recommenders.rating import Rating
from paretoprune.tasks.segmentation import Segmentation
from paretoprune.tasks.text.language_model import LanguageModel
from paretoprune.tasks.text.text_classification import TextClassification
from paretoprune.tasks.text.transformers import Transformers

# In this order: the first that recognises a batch is its task.
_TASKS: tuple[type[Task], ...] = (
    Detection,
    LanguageModel,
    TextClassification,
    Classification,
    Segmentation,
    Transformers,
    MultiLabel,
    Reconstruction,
    Forecasting,
    Ranking,
    Rating,
    Regression,
)


@dataclass(frozen=True)
class Auto:
    """Guesses the task when the data are known."""

    offers = tuple(dict.fromkeys(name for task in _TASKS for name in task.offers))

    def choose(self, batch: Batch, model_type: type | None) -> tuple[Task, str]:
        """Return the task of a batch, and the reason in a few words.

        `model_type` is the model's class, if that is known before it is built.

        Raises:
            DataError: there is no task for such batches.
        """
        if model_type is not None and trains_itself(model_type):
            return Lightning(), f"{model_type.__name__} has a training_step of its own"
        batch = unkeyed(batch)
        for task in (kind() for kind in _TASKS):
            if reason := task.recognises(batch):
                return task, reason
        known = "; ".join(kind.form for kind in _TASKS)
        raise DataError(
            f"`task=auto` finds no task for these batches: {_form(batch)}; there are: {known}"
        )


def name_of(task: Task) -> str:
    """Return the name of a task's config: `text_classification` for TextClassification."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(task).__name__).lower()


def trains_itself(model_type: type) -> bool:
    """Return True for a LightningModule with a training step of its own."""
    return issubclass(model_type, LightningModule) and defines(model_type, TRAINING)


def _form(batch: Batch) -> str:
    if not has_pairs(batch):
        return f"batches must be tensors (x, y), got {described(batch)}"
    labels = Classification().targets(batch)
    if isinstance(labels, Tensor):
        is_whole = not (labels.is_floating_point() or labels.is_complex())
        advice = ", and class numbers must be int64: write `labels.long()`" if is_whole else ""
        return f"labels are {labels.dtype} of shape {tuple(labels.shape)}{advice}"
    return f"labels are {described(labels)}"
