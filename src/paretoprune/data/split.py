"""Split into training, validation and test samples: stratified, seeded, without overlap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from paretoprune.errors import DataError, SettingsError

Official = Literal["train", "validation", "test"]

_NAMES: Mapping[Official, str] = {
    "train": "training part",
    "validation": "validation part",
    "test": "test part",
}


@dataclass(frozen=True, kw_only=True)
class SplitSettings:
    """Options for splitting off validation and test samples where a set does not have these parts.

    `validation_from` "auto" means "test" for published weights, which were trained on every
    training image, and "train" otherwise. `test_from` "auto", for sets without a test part,
    likewise means "validation" for given weights if there is such a part, and "train" otherwise.
    """

    validation_from: str = "auto"  # auto, train or test
    validation_share: float = 0.1  # of the training part
    test_from: str = "auto"  # auto, train or validation: half of the validation part
    test_share: float = 0.2  # of the training part, for sets without a test part
    max_train: int | None = None  # maximum number of training images
    max_test: int | None = None  # the same for the test part, and for the validation part
    seed: int = 0
    pretrained: bool = False  # the dense model comes with published weights
    clean_part: str = ""  # settings that provide samples the weights have not seen

    def __post_init__(self) -> None:
        if self.validation_from not in ("auto", "train", "test"):
            raise SettingsError(
                [f"`data.validation_from` must be auto, train or test, got {self.validation_from}"]
            )
        if self.test_from not in ("auto", "train", "validation"):
            raise SettingsError(
                [f"`data.test_from` must be auto, train or validation, got {self.test_from}"]
            )
        if not 0 < self.validation_share < 1 or not 0 < self.test_share < 1:
            raise SettingsError(["shares of `data`, to split off, must be between 0 and 1"])
        if any(limit is not None and limit < 1 for limit in (self.max_train, self.max_test)):
            raise SettingsError(["`data.max_train` and `data.max_test` must be 1 or more, or null"])


@dataclass(frozen=True)
class Part:
    """Samples of one official part of a data set, by their sorted indices in it."""

    official: Official
    indices: np.ndarray  # (N,) int64


@dataclass(frozen=True)
class Split:
    """The training, validation and test parts, with a description for the user."""

    train: Part
    validation: Part
    test: Part
    sentence: str  # describes the parts
    caution: str | None = None  # names the parts that given weights may have seen


def make_split(labels: Mapping[Official, np.ndarray], settings: SplitSettings) -> Split:
    """Split by the labels, (N,) each, of the official parts, of which "train" is required.

    A missing test part is split off from the training part, or is one half of the validation part.
    A missing validation part is split off from the training part, or is one half of the test part.

    Raises:
        DataError: a part is too small to be split.
        SettingsError: a part that exists should come from another one.
    """
    _refuse_sources(settings, labels)
    train = _used("train", labels, settings.max_train, settings.seed)
    size = len(train.indices)
    if "test" in labels:
        test = _used("test", labels, settings.max_test, settings.seed)
    elif not _tests_on_validation(settings, labels):
        count = round(settings.test_share * size)
        train, test = _split_off(train, labels, count=count, seed=settings.seed)
    if "validation" in labels:
        validation = _used("validation", labels, settings.max_test, settings.seed)
        if _tests_on_validation(settings, labels):
            count = len(validation.indices) // 2
            validation, test = _split_off(validation, labels, count=count, seed=settings.seed)
    elif _validates_on_test(settings):
        count = len(test.indices) // 2
        test, validation = _split_off(test, labels, count=count, seed=settings.seed)
    else:
        count = round(settings.validation_share * size)
        train, validation = _split_off(train, labels, count=count, seed=settings.seed)
    sentence = _sentence(train, validation, test, labels, settings.seed)
    return Split(train, validation, test, sentence, _caution(validation, test, settings))


def stratified_order(labels: np.ndarray, seed: int) -> np.ndarray:
    """Return a random order of the samples in which every prefix has the classes in equal shares.

    Systematic sampling: each class, shuffled, is spread evenly over the order with a random start.
    """
    generator = np.random.default_rng(seed)
    position = np.empty(len(labels))
    for label in np.unique(labels):
        members = generator.permutation(np.flatnonzero(labels == label))
        position[members] = (np.arange(len(members)) + generator.random()) / len(members)
    return np.argsort(position, kind="stable")


def _validates_on_test(settings: SplitSettings) -> bool:
    if settings.validation_from == "auto":
        return settings.pretrained
    return settings.validation_from == "test"


def _tests_on_validation(settings: SplitSettings, labels: Mapping[Official, np.ndarray]) -> bool:
    if "test" in labels or "validation" not in labels:
        return False
    if settings.test_from == "auto":
        return settings.pretrained
    return settings.test_from == "validation"


def _refuse_sources(settings: SplitSettings, labels: Mapping[Official, np.ndarray]) -> None:
    """Raise SettingsError if a part that exists should come from another one."""
    mistakes = [
        f"`data.{part}_from={source}` cannot be used with data that has a {part} part of its own; "
        "leave it at auto"
        for part, source in (("validation", settings.validation_from), ("test", settings.test_from))
        if part in labels and source != "auto"
    ]
    if settings.test_from == "validation" and "validation" not in labels:
        mistakes.append("`data.test_from=validation` needs data that has a validation part")
    if mistakes:
        raise SettingsError(mistakes)


def _caution(validation: Part, test: Part, settings: SplitSettings) -> str | None:
    """Return a caution about samples that given weights may have seen, with advice, or None."""
    seen = {
        name: part
        for name, part in (("validation", validation), ("test", test))
        if settings.pretrained and part.official == "train"
    }
    if not seen:
        return None
    advice = f"; give samples that they have not seen: {settings.clean_part}"
    return (
        f"the {' and '.join(seen)} samples are split off from the training part, which the given "
        "weights may have been trained on: metrics on them are optimistic, unless it was the "
        f"same split{advice if settings.clean_part else ''}"
    )


def _used(
    official: Official, labels: Mapping[Official, np.ndarray], limit: int | None, seed: int
) -> Part:
    order = stratified_order(labels[official], seed)
    return Part(official, np.sort(order[:limit]))


def _split_off(
    part: Part, labels: Mapping[Official, np.ndarray], *, count: int, seed: int
) -> tuple[Part, Part]:
    """Split `count` samples off from `part`; return the rest and these."""
    if not 0 < count < len(part.indices):
        raise DataError(
            f"the {_NAMES[part.official]} of {len(part.indices)} samples is too small to split "
            f"off {max(count, 1)} for validation or test; give more samples, or these parts "
            "themselves"
        )
    order = stratified_order(labels[part.official][part.indices], seed)
    taken, rest = part.indices[order[:count]], part.indices[order[count:]]
    return Part(part.official, np.sort(rest)), Part(part.official, np.sort(taken))


def _sentence(
    train: Part, validation: Part, test: Part, labels: Mapping[Official, np.ndarray], seed: int
) -> str:
    def say(part: Part) -> str:
        total = len(labels[part.official])
        name = "whole set" if len(labels) == 1 else _NAMES[part.official]
        used = "all" if len(part.indices) == total else f"{len(part.indices)} of the"
        return f"{used} {total} samples of the {name}"

    return (
        f"training on {say(train)}, validation on {say(validation)}, test on {say(test)}; "
        f"without overlap, stratified by class (split seed {seed})"
    )
