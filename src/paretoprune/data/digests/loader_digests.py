"""Digests of a user's own data module: of one pass, and of arrays in its data sets."""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence, Sized
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from lightning.pytorch.utilities.seed import isolate_rng
from torch import Tensor
from torch.utils.data import Dataset

from paretoprune.data.digests.file_digests import file_stamps
from paretoprune.data.digests.loader_code import code_of_loader
from paretoprune.data.digests.sample_digests import PartContents, digest_of_tensor, digests_of_rows
from paretoprune.storage.fingerprint import digest_bytes
from paretoprune.tasks.inputs import unkeyed
from paretoprune.tasks.interface import Batch, Task
from paretoprune.tasks.nest import tensors_in

_MOST_BYTES = 256 * 2**20  # of inputs per pass
_NUM_REPEATED = 64  # samples read twice, to detect a random loader
_DEPTH = 6  # maximum nesting of data sets


def part_of_loader(loader: Iterable[Batch], again: Iterable[Batch], task: Task) -> PartContents:
    """Return the digests of one pass over batches, up to 256 MiB of inputs.

    `again` is the same loader, created a second time. Random generators are seeded for the pass and
    restored. Inputs that are random nevertheless are left out; then the arrays that the data sets
    hold in memory, the numbers and texts of their transforms, and their code identify the data.
    """
    fixed_masks = {f"arrays `{name}`": digest for name, digest in sorted(_held(loader))}
    begun, passed = _pass(again, task, samples=_NUM_REPEATED), _pass(loader, task)
    seen = "" if passed.whole else f"first {len(passed.inputs)}"
    code = code_of_loader(loader)
    labels = Counter(one for one in passed.labels if isinstance(one, int))
    if passed.begins_like(begun):
        found = {"inputs": digest_bytes(*passed.inputs), "labels": _of_labels(passed.labels)}
        return PartContents({**fixed_masks, **found}, passed.inputs, labels, seen, code)
    if passed.is_shuffled(begun, _length(loader)):
        labelled = passed.labels or [0] * len(passed.inputs)
        pairs = sorted(zip(passed.inputs, labelled, strict=True))
        found = {
            "inputs": digest_bytes(*(sample for sample, _ in pairs)),
            "labels": _of_labels([label for _, label in pairs]),
        }
        return PartContents({**fixed_masks, **found}, passed.inputs, labels, seen, code)
    in_order = passed.labels[: len(begun.labels)] == begun.labels
    found = {"settings of the data set": _settings(getattr(loader, "dataset", None))}
    if in_order:
        found["labels"] = _of_labels(passed.labels)
    return PartContents({**fixed_masks, **found}, (), labels, seen, code)


@dataclass(frozen=True)
class _Pass:
    """Digests of the inputs of a pass, and their labels."""

    inputs: list[bytes]
    labels: list[int | bytes]  # class numbers, or digests of other targets
    whole: bool  # no batch was left out

    def begins_like(self, other: _Pass) -> bool:
        """Return True if the samples of the other pass are the first of this one."""
        num = len(other.inputs)
        return self.inputs[:num] == other.inputs and self.labels[:num] == other.labels

    def is_shuffled(self, other: _Pass, length: int | None) -> bool:
        """Return True if it has all samples, unchanged, and only their order is random."""
        complete = self.whole and len(self.inputs) == length
        return complete and set(other.inputs) <= set(self.inputs)


def _pass(loader: Iterable[Batch], task: Task, *, samples: int | None = None) -> _Pass:
    """Run a pass that ends after `samples` samples or 256 MiB of inputs."""
    inputs: list[bytes] = []
    labels: list[int | bytes] = []
    num_bytes = 0
    with isolate_rng(include_cuda=False):
        torch.manual_seed(0)
        np.random.seed(0)
        random.seed(0)
        for batch in loader:
            if num_bytes > _MOST_BYTES or (samples and len(inputs) >= samples):
                return _Pass(inputs, labels, whole=False)
            batch = unkeyed(batch)
            called = task.inputs(batch)
            given = list(called)
            if called.is_ragged:
                each = [_of_sample(task, batch, number) for number in range(len(called))]
                inputs += [sample for sample, _ in each]
                labels += [target for _, target in each]
            else:
                inputs += _rows(given, len(called))
                labels += _labels(batch, given)
            num_bytes += sum(tensor.nbytes for tensor in given)
    return _Pass(inputs, labels, whole=True)


def _rows(tensors: Sequence[Tensor], count: int) -> list[bytes]:
    """Return the digest of each of `count` samples, over all tensors."""
    whole = [tensor for tensor in tensors if tensor.dim() and len(tensor) == count]
    columns = [digests_of_rows(tensor) for tensor in whole]
    if len(columns) < 2:
        return [digest for column in columns for digest in column]
    return [
        hashlib.blake2b(b"".join(row), digest_size=16).digest()
        for row in zip(*columns, strict=True)
    ]


def _of_sample(task: Task, batch: Batch, number: int) -> tuple[bytes, bytes]:
    """Return the digests of the inputs and of the targets of one sample of a list."""
    sample = task.take(batch, slice(number, number + 1))
    inputs = list(task.inputs(sample))
    given = {id(tensor) for tensor in inputs}
    targets = [tensor for tensor in tensors_in(sample) if id(tensor) not in given]
    one, other = ("".join(map(digest_of_tensor, tensors)).encode() for tensors in (inputs, targets))
    return one, other


def _labels(batch: Batch, inputs: Sequence[Tensor]) -> list[int | bytes]:
    """Return the class numbers of a batch, or the digests of other targets by sample."""
    given = {id(tensor) for tensor in inputs}
    rest = [tensor for tensor in tensors_in(batch) if id(tensor) not in given and tensor.dim()]
    if len(rest) == 1 and rest[0].ndim == 1 and not rest[0].is_floating_point():
        return [int(label) for label in rest[0].tolist()]
    return [*_rows(rest, len(rest[0]))] if rest else []


def _of_labels(labels: Sequence[int | bytes]) -> str:
    return digest_bytes(repr(labels).encode())


def _length(loader: object) -> int | None:
    dataset = getattr(loader, "dataset", None)
    return len(dataset) if isinstance(dataset, Sized) else None


def _held(loader: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """Yield names and digests of the arrays and lists that a loader's data sets hold."""
    dataset = getattr(loader, "dataset", None)
    if dataset is not None:
        yield from _held_by(dataset, "", _DEPTH)


def _held_by(dataset: object, where: str, depth: int) -> Iterator[tuple[str, str]]:
    for name, value in vars(dataset).items() if hasattr(dataset, "__dict__") else ():
        place = f"{where}{name}"
        inner = value if isinstance(value, list | tuple) else [value]
        for index, one in enumerate(inner if depth else ()):
            if isinstance(one, Dataset):
                yield from _held_by(one, f"{place}{index or ''}.", depth - 1)
            elif isinstance(one, Tensor | np.ndarray):
                yield f"{place}{index or ''}", _of_array(one)
        if isinstance(value, list | tuple | dict):
            with suppress(TypeError, ValueError):
                yield place, digest_bytes(json.dumps(value).encode())
            if files := _files_in(value):
                yield f"files of {place}", file_stamps(files)


def _settings(dataset: object) -> str:
    """Return the digest of the plain values of a data set and of all objects in it."""
    return digest_bytes(repr(sorted(_plain_values(dataset, "", _DEPTH, set()))).encode())


def _plain_values(
    value: object, where: str, depth: int, seen: set[int]
) -> Iterator[tuple[str, str]]:
    """Yield places and texts of numbers and texts, nested ones included, of each object once."""
    if value is None or isinstance(value, str | bool | int | float):
        yield where, repr(value)
        return
    if not depth or id(value) in seen or isinstance(value, type | ModuleType):
        return
    seen.add(id(value))
    if isinstance(value, list | tuple):
        inside: Iterable[tuple[object, object]] = enumerate(value)
    else:
        inside = (value if isinstance(value, dict) else getattr(value, "__dict__", {})).items()
    for name, one in inside:
        yield from _plain_values(one, f"{where}.{name}", depth - 1, seen)


def _of_array(values: Tensor | np.ndarray) -> str:
    if isinstance(values, Tensor):
        return digest_of_tensor(values)
    if values.dtype.hasobject:  # its buffer holds pointers
        return digest_bytes(repr(values.tolist()).encode())
    kind = str((values.shape, values.dtype)).encode()
    return digest_bytes(kind, np.ascontiguousarray(values).tobytes())


def _files_in(value: object) -> list[str]:
    """Return the files in a list: `[file, ...]` or `[(file, label), ...]`."""
    if not isinstance(value, list | tuple):
        return []
    firsts = [one[0] if isinstance(one, list | tuple) and one else one for one in value]
    names = [str(name) for name in firsts if isinstance(name, str | Path)]
    if not names or not Path(names[0]).is_file():
        return []
    return [name for name in names if Path(name).is_file()]
