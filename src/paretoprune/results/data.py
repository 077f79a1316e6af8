"""Descriptions of a data set: its summary, the tensors that a model takes, preprocessing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Argument:
    """A tensor that a model takes: its name in `forward`, and one sample of it."""

    name: str
    shape: tuple[int, ...]  # of one sample, without the batch axis
    dtype: str  # "float32", "int64" ...
    largest: int | None = None  # of integers and booleans: the largest value in the example
    is_keyword: bool = False  # passed by its name


@dataclass(frozen=True)
class DataInfo:
    """Summary of a data set: sizes and shapes for building a model and explaining the split."""

    num_classes: int  # 0 where there are no classes
    # of one sample of the first argument, without the batch axis: (channels, height, width)
    input_shape: tuple[int, ...]
    num_train: int
    num_validation: int
    num_test: int
    split: str  # a sentence: which part was split off from which
    class_names: tuple[str, ...] = ()
    caution: str | None = None  # a sentence, if a part may bias the metrics measured on it
    arguments: tuple[Argument, ...] = ()  # the tensors that the model takes
    vocab_size: int = 0  # token ids are below it; 0 where there are no tokens
    # Arguments that the task offers to the model's class, by name.
    offered: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> DataInfo:
        """Return the summary that `dataclasses.asdict` wrote, also by an earlier version."""
        arguments = [
            Argument(**{**argument, "shape": tuple(argument["shape"])})
            for argument in data.get("arguments", ())
        ]
        return cls(
            **{
                "num_train": 0,
                "num_validation": 0,
                "num_test": 0,
                "split": "",
                **data,
                "input_shape": tuple(data["input_shape"]),
                "class_names": tuple(data.get("class_names", ())),
                "arguments": tuple(arguments),
            }
        )

    @property
    def for_model(self) -> dict[str, object]:
        """Arguments offered to the model's class; for an earlier version, those of a classifier."""
        if self.offered or not self.num_classes:
            return dict(self.offered)
        channels = {"in_channels": self.input_shape[0]} if self.input_shape else {}
        return {"num_classes": self.num_classes, **channels}


@dataclass(frozen=True)
class Preprocessing:
    """Conversion of an image into the model's input: (values / scale - mean) / std per channel."""

    scale: float  # the value that maps to 1.0: 255 for 8-bit images, 1 for floats
    mean: tuple[float, ...]
    std: tuple[float, ...]
    channel_order: str  # "grey", "RGB", or a sentence
    resize: int | None = None  # pixels of the shorter side before the centre crop
    crop: int | None = None  # side length of the centre crop in pixels
