"""The tasks of `front_quality.py`: data, a dense model, and a budget that makes the task hard."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from digits_hard import write_digits

_COMMON = ("measure=fast", "tracking=none", "threads=1", "device=cpu", "name=benchmark")
# A subset of the training images, so that budgets of minutes are many epochs; half of the test
# images are used for validation, since published weights have seen every training image.
_SUBSET = (
    "data.max_train=8000",
    "data.max_test=5000",
    "data.batch_size=128",
    "data.views=2",
    "sparsity.divisor=2",
)


@dataclass(frozen=True)
class Task:
    """A benchmark task."""

    name: str
    overrides: Callable[[Path, Path, int], list[str]]  # of data folder, cache folder and seed
    budget_seconds: float  # CPU seconds of one run
    trial_epochs: float  # of a complete fine-tuning, for strategies that have one
    max_ratio: float = 0.85
    trained_once: str | None = None  # file of a dense model shared by all seeds


def _digits(
    network: str = "digits_hard.DigitsNet", *, epochs: int = 25, rate: float = 0.1
) -> Callable[[Path, Path, int], list[str]]:
    """Return the overrides of the digits task with a network whose dense model is trained this way.

    Another seed means another data set and another dense model.
    """

    def overrides(_data: Path, cache: Path, seed: int) -> list[str]:
        path = cache / f"digits-{seed}.npz"
        if not path.is_file():
            write_digits(path, seed=seed)
        return [
            *_COMMON,
            f"seed={seed}",
            f"cache_dir={cache}",
            "data=npz",
            f"data.path={path}",
            f"trust=[{network.partition('.')[0]}]",
            f"model._target_={network}",
            f"model.train.epochs={epochs}",
            f"model.train.learning_rate={rate}",
        ]

    return overrides


def _cifar10(data: Path, cache: Path, seed: int) -> list[str]:
    """The published ResNet-20 (92.6 %)."""
    folder = data / "cifar10"
    return [
        *_COMMON,
        *_SUBSET,
        f"seed={seed}",
        f"cache_dir={cache}",
        "data=npz",
        f"data.train=[{folder / 'cifar10-train-a.npz'}]",
        f"data.test=[{folder / 'cifar10-test.npz'}]",
        "data.shift=4",
        "data.flip=true",
        "data.mean=[0.4914,0.4822,0.4465]",
        "data.std=[0.2023,0.1994,0.2010]",
        f"model.weights={data / 'weights' / 'cifar10-chenyaofo-resnet20.safetensors'}",
    ]


def _fashion(data: Path, cache: Path, seed: int) -> list[str]:
    """A ResNet-20 that is trained once, on the same subset."""
    path = cache / "fashion-mnist.npz"
    if not path.is_file():
        _write_fashion(data / "fashion-mnist", path)
    return [
        *_COMMON,
        *_SUBSET,
        f"seed={seed}",
        f"cache_dir={cache}",
        "data=npz",
        f"data.path={path}",
        "data.validation_from=test",
        "data.shift=2",
        "data.flip=true",
        "model.train.epochs=8",
    ]


def _write_fashion(folder: Path, path: Path) -> None:
    arrays = {}
    for part, name in (("train", "train"), ("test", "t10k")):
        images = _idx(folder / f"{name}-images-idx3-ubyte.gz", header=16)
        arrays[f"x_{part}"] = images.reshape(-1, 28, 28)
        arrays[f"y_{part}"] = _idx(folder / f"{name}-labels-idx1-ubyte.gz", header=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, allow_pickle=False, **arrays)


def _idx(path: Path, *, header: int) -> np.ndarray:
    return np.frombuffer(gzip.decompress(path.read_bytes()), dtype=np.uint8, offset=header)


TASKS = {
    "digits-hard": Task("digits-hard", _digits(), budget_seconds=10, trial_epochs=2),
    "digits-mlp": Task("digits-mlp", _digits("digits_nets.DigitsMLP", epochs=30, rate=0.05), 10, 2),
    "digits-plain": Task(
        "digits-plain", _digits("digits_nets.DigitsPlain", epochs=30, rate=0.05), 10, 2
    ),
    "digits-depthwise": Task(
        "digits-depthwise", _digits("digits_nets.DigitsDepthwise", epochs=30), 10, 2
    ),
    "fashion-mnist": Task(
        "fashion-mnist", _fashion, 100, 1, trained_once="fashion-mnist-resnet20.safetensors"
    ),
    "cifar10": Task("cifar10", _cifar10, budget_seconds=150, trial_epochs=1),
}
