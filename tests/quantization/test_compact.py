"""Compact files of networks: the rounded function comes back, also by a few lines of the docs."""

from __future__ import annotations

import copy
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from paretoprune.errors import QuantizationError, WeightsError
from paretoprune.formats.compact import COMPACT_FILE
from paretoprune.formats.compact_reader import decode_compact
from paretoprune.quantization.compact import STORED_BITS, compact_bytes, compact_state, stored_bytes
from paretoprune.quantization.fold import find_folds
from paretoprune.quantization.weights import round_weights
from tests.quantization import nets

DOCS = Path(__file__).resolve().parents[2] / "docs/how-to/compact-file.md"


def restored(model: nn.Module, content: bytes) -> nn.Module:
    """A model of the same architecture with what the file holds."""
    empty = copy.deepcopy(model)
    empty.load_state_dict(compact_state(content, empty))
    return empty.eval()


@pytest.mark.parametrize("name", nets.NAMES)
@pytest.mark.parametrize("bits", [8, 3])
def test_a_file_gives_back_the_rounded_network(name: str, bits: int) -> None:
    model = nets.build(name)
    rounded = round_weights(model, bits, nets.images(16))
    content = compact_bytes(rounded, nets.images(2))
    found = restored(model, content)
    inputs = nets.images(8, seed=1)
    with torch.inference_mode():
        expected = rounded.model(inputs)
        # steps are stored with 11 bits once more after BatchNorm went into them
        torch.testing.assert_close(found(inputs), expected, rtol=5e-3, atol=5e-3)
    for key, weight in rounded.weights.items():
        codes = found.state_dict()[key].flatten(1)
        assert all(len(row.unique()) <= 2**bits - 1 for row in codes), key
        assert (weight.codes.reshape(len(codes), -1) == 0).sum() == (codes == 0).sum()


def test_twice_through_a_file_is_the_same_to_the_last_bit() -> None:
    model = nets.build("resnet")
    content = compact_bytes(round_weights(model, 4), nets.images(2))
    first = decode_compact(content)
    second = {n: t.numpy() for n, t in restored(model, content).state_dict().items()}
    assert all(first[name].tobytes() == second[name].tobytes() for name in first)


def test_the_reader_of_the_docs_reads_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With zeros enough for a mask, tied weights and counters in it."""
    model = nets.build("resnet")
    with torch.no_grad():
        weight = model.layer2[0].conv2.weight
        weight *= torch.rand(weight.shape, generator=torch.Generator().manual_seed(0)) < 0.1
    content = compact_bytes(round_weights(model, 4, nets.images(8)), nets.images(2))
    (tmp_path / COMPACT_FILE).write_bytes(content)
    [code] = re.findall(r"```python\n(import json.*?)```", DOCS.read_text(), re.DOTALL)
    assert len([line for line in code.splitlines() if line.strip()]) <= 25
    assert "paretoprune" not in code and "torch" not in code
    monkeypatch.chdir(tmp_path)
    names: dict[str, dict[str, np.ndarray]] = {}
    exec(code, names)
    expected = decode_compact(content)
    assert names["state"].keys() == expected.keys()
    for name, tensor in expected.items():
        np.testing.assert_array_equal(names["state"][name], tensor)
        assert names["state"][name].dtype == tensor.dtype


def test_tied_weights_and_modules_with_two_names_are_stored_once() -> None:
    torch.manual_seed(0)
    model = nets.Tied().eval()
    tokens = torch.arange(8).reshape(2, 4)
    rounded = round_weights(model, 8)
    assert rounded.model.out.weight is rounded.model.embedding.weight
    content = compact_bytes(rounded, tokens)
    found = restored(model, content)
    torch.testing.assert_close(found(tokens), rounded.model(tokens))
    assert found.out.weight is found.embedding.weight


def test_stored_bytes_are_those_of_the_file_at_eight_bits() -> None:
    model = nets.build("resnet")
    content = compact_bytes(round_weights(model, 8), nets.images(2))
    assert STORED_BITS == 8 and stored_bytes(model, nets.images(2)) == len(content)


def test_fewer_bits_and_more_zeros_take_fewer_bytes() -> None:
    model, example = nets.build("resnet"), nets.images(2)
    sizes = [len(compact_bytes(round_weights(model, bits), example)) for bits in (8, 6, 4, 2)]
    assert sizes == sorted(sizes, reverse=True) and sizes[-1] < 0.5 * sizes[0]
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            if tensor.dim() > 1:
                generator = torch.Generator().manual_seed(len(name))
                tensor *= torch.rand(tensor.shape, generator=generator) < 0.2
    assert stored_bytes(model, example) < 0.6 * sizes[0]


def test_the_model_itself_stays_as_it_is() -> None:
    model = nets.build("resnet").train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    stored_bytes(model, nets.images(2))
    round_weights(model, 2, nets.images(4))
    assert model.training
    assert all(torch.equal(before[name], t) for name, t in model.state_dict().items())


class Shared(nn.Module):
    """One convolution and one BatchNorm that run twice, and one whose output two things use."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3)
        self.other, self.after = nn.Conv2d(3, 5, 1), nn.BatchNorm2d(5)

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(2):
            x = self.norm(self.conv(x))
        y = self.other(x)
        return (self.after(y) + y).mean((2, 3))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_what_cannot_be_folded_stays(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    model = Shared().eval().to(dtype)
    with torch.no_grad():
        for norm in (model.norm, model.after):
            norm.weight.uniform_(-1.5, 1.5)
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.5, 2)
    inputs = nets.images(4).to(dtype)
    rounded = round_weights(model, 8)
    found = restored(model, compact_bytes(rounded, inputs))
    tolerance = 0.1 if dtype is torch.bfloat16 else 1e-5
    with torch.inference_mode():
        expected = rounded.model(inputs)
        torch.testing.assert_close(found(inputs), expected, rtol=tolerance, atol=tolerance)


def test_weights_that_are_worked_out_anew_stay_apart_from_batchnorm() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        parametrizations.weight_norm(nn.Conv2d(3, 4, 3)), nn.BatchNorm2d(4), nn.Flatten()
    ).eval()
    assert find_folds(model, nets.images(2)) == []
    rounded = round_weights(model, 8)
    found = restored(model, compact_bytes(rounded, nets.images(2)))
    inputs = nets.images(4)
    with torch.inference_mode():
        torch.testing.assert_close(found(inputs), rounded.model(inputs))


@pytest.mark.filterwarnings("ignore:.torch.jit:FutureWarning")
def test_a_part_that_is_scripted_is_stored_as_well() -> None:
    inner = torch.jit.script(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).eval())
    model = nn.Sequential(inner, nn.Flatten(), nn.Linear(4 * 36, 5)).eval()
    rounded = round_weights(model, 8)
    found = restored(model, compact_bytes(rounded, nets.images(2)))
    inputs = nets.images(4)
    with torch.inference_mode():
        torch.testing.assert_close(found(inputs), rounded.model(inputs), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("bits", [1, 0, 16])
def test_numbers_of_bits_that_there_are_not(bits: int) -> None:
    with pytest.raises(QuantizationError, match=f"cannot be rounded to {bits} bit"):
        round_weights(nets.build("vgg"), bits)


def test_bad_numbers_are_reported_by_name() -> None:
    model = nets.build("vgg")
    samples = nets.images(4)
    samples[2, 0, 0, 0] = float("nan")
    with pytest.raises(QuantizationError, match=r"1 of 4 calibration samples .* number 2"):
        round_weights(model, 8, samples)
    with torch.no_grad():
        model.classifier[0].weight[3, 3] = float("inf")
    with pytest.raises(QuantizationError, match=r"`classifier\.0\.weight` holds NaN or infinity"):
        stored_bytes(model, nets.images(2))


def test_a_file_of_another_network_does_not_load(tmp_path: Path) -> None:
    from paretoprune.pruning.structured.checkpoint import fit_state

    content = compact_bytes(round_weights(nets.build("vgg"), 8), nets.images(2))
    other = nets.build("resnet")
    with pytest.raises(WeightsError, match="lacks"):
        fit_state(other, compact_state(content, other), tmp_path)
