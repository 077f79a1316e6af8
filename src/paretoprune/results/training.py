"""Records of training: curve, time of an epoch, uses of a sweep's time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# The use of time that is no part of a search, which starts from a trained model.
TRAIN_DENSE = "train_dense"
# Uses of a sweep's time, by the name under which their seconds are stored, and in words.
USES = {
    "finetune": "fine-tuning",
    "validate": "validation",  # during training
    "measure": "measuring",  # of finished models, on the whole validation data
    "quantize": "quantization",  # of finished models, and the measuring of quantized ones
    "teacher": "teacher",
    "prune": "pruning",
    "compensate": "compensation",
    "score": "scoring",
    "proxy": "proxies",
    "range_test": "range test",
    "dense": "dense model",  # its measurement; its training does not count
    "other": "other",
}


@dataclass(frozen=True)
class EpochRecord:
    """One epoch of a trial's training curve."""

    epoch: int  # counted from 1 over the whole trial
    train_loss: float
    quality: float  # the task's first quality on the validation data, in its unit
    validation_loss: float
    learning_rate: float  # at the end of the epoch
    seconds: float
    parts: int = 1  # gradient accumulation: micro-batches per batch, if memory did not suffice
    steps: int = 0  # batches trained on; 0: not recorded

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> EpochRecord:
        """Inverse of `dataclasses.asdict`; accepts records of earlier versions."""
        known = dict(data)
        if "validation_accuracy" in known:  # its name until 0.1.0
            known["quality"] = known.pop("validation_accuracy")
        return cls(**known)


@dataclass(frozen=True)
class EpochTime:
    """The training time of one epoch of a model with a given size.

    The teacher's outputs are computed during the first `teacher_epochs` epochs of a sweep and then
    cached; `teacher_seconds` is what this takes of each of them.
    """

    macs: float
    seconds: float
    teacher_seconds: float = 0.0
    teacher_epochs: float = 0.0  # infinite: nothing is cached
    cached_epochs: float = 0.0  # of them, those that the measurement itself has cached
