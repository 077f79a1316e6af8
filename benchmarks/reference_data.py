"""Real data for the reference sweeps that the data modules of the package do not read."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from paretoprune.data.given import TestedLoaders

_WORD = re.compile(r"[a-z0-9']+")
_PADDING, _UNKNOWN = 0, 1


def sst2(
    folder: str,
    *,
    max_train: int | None = None,
    max_words: int = 32,
    vocab_size: int = 4000,
    batch_size: int = 128,
) -> TestedLoaders:
    """Return SST-2, sentences with their sentiment, as ids (N, max_words) and labels 0 or 1.

    The vocabulary are the most frequent words of the training part; 0 pads, 1 is any other word.
    """
    parts = [_sentences(Path(folder) / f"sst2-{part}.tsv") for part in ("train", "dev", "test")]
    parts[0] = parts[0][:max_train]
    counts = Counter(word for words, _ in parts[0] for word in words)
    most = counts.most_common(vocab_size - 2)
    ids = {word: index for index, (word, _) in enumerate(most, start=2)}
    sets = [_as_ids(part, ids, max_words) for part in parts]
    return _loaders(sets, batch_size)


def _sentences(path: Path) -> list[tuple[list[str], int]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    pairs = [line.rsplit("\t", 1) for line in lines if line.strip()]
    return [(_WORD.findall(text.lower()), int(label)) for text, label in pairs]


def _as_ids(
    part: Sequence[tuple[list[str], int]], ids: dict[str, int], length: int
) -> TensorDataset:
    tokens = torch.full((len(part), length), _PADDING)
    for row, (words, _) in enumerate(part):
        found = [ids.get(word, _UNKNOWN) for word in words[:length]] or [_UNKNOWN]
        tokens[row, : len(found)] = torch.tensor(found)
    return TensorDataset(tokens, torch.tensor([label for _, label in part]))


def camvid(folder: str, *, batch_size: int = 8) -> TestedLoaders:
    """Return CamVid as images (N, 3, H, W) and classes (N, H, W); 11 is no class.

    Each file has `webp` and `mask_png`, strips of images on top of one another, with the bounds of
    their bytes in `offsets` and `mask_offsets`, and `height`.
    """
    arrays = [np.load(Path(folder) / f"camvid-{part}.npz") for part in ("train", "val", "test")]
    sets = [
        TensorDataset(_images(part), _strips(part, "mask_png", "mask_offsets", "L").long())
        for part in arrays
    ]
    return _loaders(sets, batch_size)


def _images(part: dict[str, np.ndarray]) -> Tensor:
    images = _strips(part, "webp", "offsets", "RGB").permute(0, 3, 1, 2).float()
    return ((images / 255 - 0.45) / 0.28).contiguous()


def _strips(part: dict[str, np.ndarray], key: str, bounds: str, mode: str) -> Tensor:
    data, offsets, height = part[key].tobytes(), part[bounds], int(part["height"])
    found = []
    for start, stop in pairwise(offsets):
        strip = np.asarray(Image.open(io.BytesIO(data[start:stop])).convert(mode))
        found.append(strip.reshape(-1, height, *strip.shape[1:]))
    return torch.from_numpy(np.concatenate(found))


def _loaders(sets: Sequence[TensorDataset], batch_size: int) -> TestedLoaders:
    train, validation, test = sets
    return TestedLoaders(
        DataLoader(train, batch_size, shuffle=True, drop_last=True),
        DataLoader(validation, batch_size),
        DataLoader(test, batch_size),
    )
