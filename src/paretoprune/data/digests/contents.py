"""Digests of a data module's contents, with cautions about the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lightning import LightningDataModule

from paretoprune.data.data_info import loaders_of
from paretoprune.data.digests.file_digests import parts_of_files
from paretoprune.data.digests.loader_digests import part_of_loader
from paretoprune.data.digests.sample_digests import (
    PARTS,
    PartContents,
    overlap_sentences,
    part_of_tensors,
)
from paretoprune.data.image_files import ImageFiles
from paretoprune.data.image_tensors import ImageTensors
from paretoprune.errors import DataError
from paretoprune.tasks.interface import Task


@dataclass(frozen=True)
class Contents:
    """Digests of the data, and cautions for the user before training."""

    digests: Mapping[str, str]  # "training labels" -> digest
    cautions: tuple[str, ...]  # a sentence each
    code: tuple[object, ...] = ()  # classes and functions of a user's that yield the samples


def contents_of(datamodule: LightningDataModule, task: Task) -> Contents:
    """Compute the digests of all samples: of tensors, of files, or of one pass over other loaders.

    Raises:
        DataError: all training labels are the same.
    """
    parts = _parts_of(datamodule, task)
    _refuse_one_class(parts)
    return Contents(
        digests={
            f"{part} {name}": digest
            for part, contents in parts.items()
            for name, digest in contents.digests.items()
        },
        cautions=(*overlap_sentences(parts), *_one_sided(parts), *_absent(parts, task)),
        code=tuple({one for contents in parts.values() for one in contents.code}),
    )


def _parts_of(datamodule: LightningDataModule, task: Task) -> dict[str, PartContents]:
    if isinstance(datamodule, ImageTensors):
        tensors = zip(PARTS, datamodule.parts, strict=True)
        return {name: part_of_tensors(part.images, part.labels) for name, part in tensors}
    if isinstance(datamodule, ImageFiles):
        files = datamodule.samples
        return parts_of_files(
            {part: files["train" if part == "training" else part] for part in PARTS}
        )
    loaders, again = loaders_of(datamodule), loaders_of(datamodule)
    return {
        "training" if part == "train" else part: part_of_loader(loader, second, task)
        for (part, loader), second in zip(loaders.items(), again.values(), strict=True)
        if loader is not None and second is not None
    }


def _refuse_one_class(parts: Mapping[str, PartContents]) -> None:
    labels = parts["training"].labels
    if len(labels) == 1 and not parts["training"].looked_at:
        raise DataError(
            f"all training labels are {next(iter(labels))}: a classifier needs at "
            "least two classes; check the labels, or the order in which the parts were split"
        )


def _one_sided(parts: Mapping[str, PartContents]) -> list[str]:
    """Return a sentence for each part whose labels are all the same."""
    return [
        f"all {name} labels are {next(iter(part.labels))}: metrics on one class are "
        "meaningless; shuffle the samples before splitting them into parts"
        for name, part in parts.items()
        if name != "training" and len(part.labels) == 1
    ]


def _absent(parts: Mapping[str, PartContents], task: Task) -> list[str]:
    """Return a sentence about class numbers below the largest label that have no sample."""
    labels = parts["training"].labels
    if not labels or parts["training"].looked_at or task.activation != "softmax":
        return []
    absent = [str(one) for one in range(max(labels)) if one not in labels]
    if not absent:
        return []
    if absent == ["0"]:
        return ["class 0 has no training sample; where labels are counted from 1, subtract 1"]
    return [
        f"{len(absent)} of {max(labels) + 1} classes have no training sample: "
        f"{', '.join(absent[:5])}{' ...' if len(absent) > 5 else ''}; if there are no such "
        "classes, number the others by `np.unique(labels, return_inverse=True)`"
    ]
