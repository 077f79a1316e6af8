"""Compressed weights come back, and are as small as a bit mask allows."""

from __future__ import annotations

from pathlib import Path

import safetensors.torch
import torch

from paretoprune.pruning.unstructured.compressed import compress, count_compressed_bytes, restore
from tests.kits import networks


def state_with_zeros(share: float) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    state = networks.build("resnet").state_dict()
    for tensor in state.values():
        if tensor.dim() > 1:
            tensor[torch.rand(tensor.shape, generator=generator) < share] = 0
    return state


def test_everything_comes_back(tmp_path: Path) -> None:
    state = state_with_zeros(0.7)
    safetensors.torch.save_file(compress(state), tmp_path / "packed.safetensors")
    assert (tmp_path / "packed.safetensors").stat().st_size == count_compressed_bytes(state)
    restored = restore(safetensors.torch.load_file(tmp_path / "packed.safetensors"))
    assert restored.keys() == state.keys()
    assert all(torch.equal(restored[name], tensor) for name, tensor in state.items())
    assert all(restored[name].dtype == tensor.dtype for name, tensor in state.items())


def test_a_value_for_each_number_and_a_bit_for_each_place() -> None:
    weight = torch.zeros(64, 100)
    weight[:, :10] = 1
    packed = compress({"weight": weight})
    assert packed["weight.values"].numel() == 640 and packed["weight.places"].numel() == 800
    assert packed["weight.shape"].tolist() == [64, 100]


def test_without_zeros_nothing_changes() -> None:
    state = networks.build("vgg").state_dict()
    dense = {name: t for name, t in state.items() if int((t == 0).sum()) == 0}
    assert compress(dense).keys() == dense.keys()


def test_more_zeros_never_take_more_bytes() -> None:
    sizes = [count_compressed_bytes(state_with_zeros(share / 10)) for share in range(0, 10, 2)]
    assert sizes == sorted(sizes, reverse=True)
