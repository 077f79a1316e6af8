"""Digests of samples: of each one, to find duplicates, and of all together."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

PARTS = ("training", "validation", "test")


@dataclass(frozen=True)
class PartContents:
    """Digests of one part of a data set."""

    digests: Mapping[str, str]  # "inputs", "labels", ...: digest of all samples' in their order
    samples: Sequence[bytes] = ()  # input digest of each sample; empty if unknown
    labels: Counter[int] = field(default_factory=Counter)  # label -> number of samples
    looked_at: str = ""  # the samples that were read; "" means all
    code: tuple[object, ...] = ()  # classes and functions of a user's that yield the samples


def digests_of_rows(values: Tensor) -> list[bytes]:
    """Return the digest of each row of (N, ...), 16 bytes each (BLAKE2b)."""
    if not len(values):
        return []
    rows = values.detach().cpu().contiguous().reshape(len(values), -1).view(torch.uint8)
    size, memory = rows.shape[1], rows.numpy().reshape(-1).data
    starts = range(0, len(memory), size) if size else ()
    return [
        hashlib.blake2b(memory[start : start + size], digest_size=16).digest() for start in starts
    ]


def digest_of_tensor(values: Tensor) -> str:
    """Return the digest of a tensor's values, shape and dtype, as 32 hex digits."""
    flat = values.detach().cpu().contiguous().reshape(-1)
    return _hex(str((tuple(values.shape), values.dtype)).encode(), flat.view(torch.uint8).numpy())


def part_of_tensors(inputs: Tensor, labels: Tensor) -> PartContents:
    """Return the digests of inputs (N, ...) and labels (N, ...) in memory.

    Only labels (N,) are counted: the others are one for each pixel.
    """
    samples = digests_of_rows(inputs)
    kind = str((tuple(inputs.shape), inputs.dtype)).encode()
    digests = {"inputs": _hex(kind, *samples), "labels": digest_of_tensor(labels)}
    return PartContents(digests, samples, Counter(labels.tolist() if labels.ndim == 1 else ()))


def overlap_sentences(parts: Mapping[str, PartContents]) -> list[str]:
    """Return a sentence for each pair of parts that have samples in common."""
    sentences = []
    for one, other in (("validation", "training"), ("validation", "test"), ("test", "training")):
        if one not in parts or other not in parts:
            continue
        known = set(parts[other].samples)
        shared = sum(sample in known for sample in parts[one].samples)
        if shared:
            looked_at = parts[one].looked_at or f"{len(parts[one].samples)}"
            sentences.append(
                f"{shared} of the {looked_at} {one} samples are also {other} samples (identical): "
                "metrics on them are optimistic; remove them from one of the parts"
            )
    return sentences


def _hex(*chunks: object) -> str:
    state = hashlib.blake2b(digest_size=16)
    for chunk in chunks:
        state.update(chunk)  # type: ignore[arg-type]
    return state.hexdigest()
