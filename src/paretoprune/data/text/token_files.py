"""Token ids in NumPy archives, for language models."""

from __future__ import annotations

import zipfile

import numpy as np
import torch
from torch import Tensor

from paretoprune.config.values import Positive
from paretoprune.data.text.token_parts import TokenData, Tokens
from paretoprune.errors import DataError


def tokens(
    *,
    train: str,
    validation: str,
    test: str,
    max_length: Positive = 256,
    max_texts: Positive | None = None,
    batch_size: Positive = 16,
    seed: int = 0,
    pretrained: bool = False,
) -> TokenData:
    """Return texts of archives (.npz, opened without pickle), one for each part.

    An archive has `tokens`, all ids in one array of integers, and `offsets` (N + 1,): text i is
    tokens[offsets[i] : offsets[i + 1]]. Of each text the first `max_length` tokens are used, and of
    each part the first `max_texts` texts. The vocabulary is one more than the largest id.
    `pretrained` has no effect.

    Raises:
        DataError: a file is missing, or has other arrays.
    """
    files = {"train": train, "validation": validation, "test": test}
    parts = {part: _read(path, part, max_length, max_texts) for part, path in files.items()}
    largest = max(int(one.ids.max()) for one in parts.values())
    return TokenData(parts, vocab_size=largest + 1, batch_size=batch_size, seed=seed)


def _read(path: str, part: str, max_length: int, max_texts: int | None) -> Tokens:
    try:
        with np.load(path, allow_pickle=False) as archive:
            stream, offsets = archive["tokens"], archive["offsets"]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(
            f"`data.{part}={path}` must be an .npz file with the arrays tokens and offsets: {error}"
        ) from error
    if not _are_bounds(stream, offsets):
        raise DataError(
            f"`data.{part}={path}`: `tokens` must be integers (T,), 0 or more, `offsets` rising "
            f"bounds from 0 to T, got {stream.dtype} {stream.shape} and {offsets.dtype} "
            f"{offsets.shape}"
        )
    starts, ends = offsets[:-1][:max_texts], offsets[1:][:max_texts]
    lengths = torch.from_numpy(np.minimum(ends - starts, max_length).astype(np.int64))
    return Tokens(_rows(stream, starts, lengths), lengths)


def _are_bounds(stream: np.ndarray, offsets: np.ndarray) -> bool:
    if stream.ndim != 1 or offsets.ndim != 1 or len(offsets) < 2 or not len(stream):
        return False
    if stream.dtype.kind not in "iu" or offsets.dtype.kind not in "iu" or stream.min() < 0:
        return False
    rising = bool((np.diff(offsets.astype(np.int64)) > 0).all())
    return rising and offsets[0] == 0 and offsets[-1] == len(stream)


def _rows(stream: np.ndarray, starts: np.ndarray, lengths: Tensor) -> Tensor:
    ids = torch.zeros(len(starts), int(lengths.max()), dtype=torch.int64)
    for row, start, length in zip(ids, starts.tolist(), lengths.tolist(), strict=True):
        row[:length] = torch.from_numpy(stream[start : start + length].astype(np.int64))
    return ids
