"""The counted bytes are those of a real file."""

from __future__ import annotations

from pathlib import Path

import safetensors.torch
import torch
from torch import nn

from paretoprune.measure.bytes import count_bytes


def test_it_is_the_size_of_the_file(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5))
    safetensors.torch.save_file(model.state_dict(), tmp_path / "model.safetensors")
    assert count_bytes(model) == (tmp_path / "model.safetensors").stat().st_size


def test_the_memory_order_does_not_matter() -> None:
    model = nn.Conv2d(3, 5, 3)
    before = count_bytes(model)
    assert count_bytes(model.to(memory_format=torch.channels_last)) == before


def test_a_shared_tensor_is_stored_once() -> None:
    model = nn.Sequential(nn.Linear(64, 64, bias=False), nn.Linear(64, 64, bias=False))
    apart = count_bytes(model)
    model[1].weight = model[0].weight
    assert apart - 4 * 64 * 64 - 100 < count_bytes(model) < apart - 4 * 64 * 64
