"""Sizes of models with masked weights, by hand and against the compressed file."""

from __future__ import annotations

import torch

from paretoprune.pruning.unstructured.compressed import count_compressed_bytes
from paretoprune.pruning.unstructured.layers import MaskedLayer
from paretoprune.pruning.unstructured.size import MaskedSize
from paretoprune.results import Cost

LAYERS = (MaskedLayer("a", (8, 9), 72), MaskedLayer("b", (10, 10), 10))
SIZE = MaskedSize(LAYERS, 200, {"a": 720, "b": 1000, "other": 50}, 5000)


def test_zeros_are_neither_parameters_nor_macs() -> None:
    assert SIZE.cost({}) == Cost(params=200, macs=1770)
    assert SIZE.cost({"a": 36, "b": 3}) == Cost(params=200 - 36 - 70, macs=360 + 300 + 50)


def test_a_file_has_a_bit_for_each_place_where_that_is_smaller() -> None:
    assert SIZE.bytes_of({}) == SIZE.bytes_of({"a": 71}) == 5000
    assert SIZE.bytes_of({"a": 0}) == 5000 - (4 * 72 - 9 - 200)
    assert SIZE.bytes_of({"a": 0, "b": 0}) == 5000 - (4 * 72 - 9 - 200) - (4 * 100 - 13 - 200)


def test_bytes_are_those_of_the_compressed_file() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(64, 100), torch.nn.Linear(100, 30))
    layers = [MaskedLayer(n, tuple(model[int(n)].weight.shape), 100) for n in ("0", "1")]
    dense = count_compressed_bytes(model.state_dict())
    size = MaskedSize(layers, sum(p.numel() for p in model.parameters()), {}, dense)
    with torch.no_grad():
        model[0].weight.view(-1)[: 64 * 60] = 0  # 60 of 100 units
        model[1].weight.view(-1)[: 30 * 20] = 0
    expected = count_compressed_bytes(model.state_dict())
    assert abs(size.bytes_of({"0": 40, "1": 80}) - expected) < 2 * 100
    assert size.cost_of(model) == size.cost({"0": 40, "1": 80})
