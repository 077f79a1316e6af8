"""The code of data that were given as loaders is part of the fingerprint."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from paretoprune.config.load import load_settings
from paretoprune.config.target import Target
from paretoprune.data.digests.contents import contents_of
from paretoprune.data.given import as_datamodule
from paretoprune.problem.fingerprint import fingerprint_of
from paretoprune.storage.fingerprint import Fingerprint
from tests.config.test_load import composed
from tests.kits.tasks import CLASSES

_NOISY = """
import numpy as np
import torch
from torch.utils.data import Dataset

rng = np.random.default_rng()

class Noisy(Dataset):
    def __len__(self):
        return 40

    def __getitem__(self, index):
        return torch.full((3,), 2.0 * index + float(rng.random())), index % 2
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path / "noisy_data.py"
    sys.modules.pop("noisy_data", None)


def test_an_edit_shows_where_inputs_have_unseeded_noise(file: Path) -> None:
    before, same = fingerprint(file, _NOISY), fingerprint(file, _NOISY)
    assert same.changes(before) == []
    after = fingerprint(file, _NOISY.replace("2.0 * index", "2.5 * index"))
    assert after.changes(before) == ["the code of `noisy_data`"]


def test_the_type_of_the_weights_counts(file: Path) -> None:
    """Outputs of the same weights in other types differ by less than is tolerated."""
    before = fingerprint(file, _NOISY)
    after = fingerprint(file, _NOISY, dtype=torch.float64)
    assert after.changes(before) == ["the shapes of the weights"]


@pytest.mark.parametrize("setting", ["schedule", "quantization", "scorer", "data", "task"])
def test_the_code_of_every_target_counts(file: Path, setting: str) -> None:
    target = Target(path="noisy_data.Noisy")
    inside = Target(path="torch.nn.Identity", arguments={"a": [{"_target_": "noisy_data.Noisy"}]})
    for chosen in (target, inside):
        before = fingerprint(file, _NOISY, **{setting: chosen})
        after = fingerprint(file, f"{_NOISY}\n", **{setting: chosen})
        assert after.changes(before) == ["the code of `noisy_data`"]


def fingerprint(
    file: Path, text: str, *, dtype: torch.dtype = torch.float32, **settings: Target
) -> Fingerprint:
    """Return the fingerprint with loaders of a module of this text, as in a new process."""
    file.write_text(text)
    sys.modules.pop("noisy_data", None)
    importlib.invalidate_caches()
    sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
    try:
        module = importlib.import_module("noisy_data")
    finally:
        sys.dont_write_bytecode = before
    samples = TensorDataset(torch.ones(8, 3), torch.arange(8) % 2) if settings else module.Noisy()
    data = as_datamodule([DataLoader(samples, batch_size=8) for _ in range(2)])
    torch.manual_seed(0)
    model = nn.Linear(3, 2).to(dtype)
    contents = contents_of(data, CLASSES)
    chosen = replace(load_settings(composed()), **settings)  # type: ignore[arg-type]
    return fingerprint_of(chosen, data, model, CLASSES, contents=contents, outputs=None)
