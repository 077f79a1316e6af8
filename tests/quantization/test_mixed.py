"""`quantization=mixed`: models of the mean bits asked for, in true bytes; refusals."""

from __future__ import annotations

import pytest
import torch

from paretoprune.errors import QuantizationError
from paretoprune.quantization.compact import compact_bytes, compact_state
from paretoprune.quantization.quantizers.interface import SearchedBits
from paretoprune.quantization.quantizers.mixed import AUTO, WIDTHS, Mixed
from paretoprune.quantization.weights import weights_of
from tests.config.test_load import mistakes_of
from tests.quantization import nets
from tests.quantization.test_sensitivity import batch


def test_models_have_the_mean_bits_of_their_names_and_the_bytes_of_their_files() -> None:
    model, samples = nets.build("resnet").eval(), batch(64)
    makers = Mixed(bits=[4, 2.5]).models(model, samples)
    assert [*makers] == ["mixed4", "mixed2.5"]
    sizes = {name: weight.numel() for name, weight in weights_of(model).items()}
    for mean, make in zip((4, 2.5), makers.values(), strict=True):
        found = make()
        rounded = found.rounded
        assert rounded is not None and {*rounded.bits.values()} <= {*WIDTHS}
        total = sum(sizes[name] * bits for name, bits in rounded.bits.items())
        assert found.bits == pytest.approx(total / sum(sizes.values()))
        assert mean - 0.6 < found.bits <= mean
        content = compact_bytes(rounded, samples.inputs[:2])
        assert found.size_bytes == len(content)
        again = nets.build("resnet").eval()
        again.load_state_dict(compact_state(content, again))
        with torch.inference_mode():
            x = nets.images(4, seed=2)
            assert torch.allclose(again(x), found.model(x), rtol=1e-3, atol=1e-2)
            levels = rounded.weights["layer1.0.conv1.weight"].codes
        bits = rounded.bits["layer1.0.conv1.weight"]
        assert abs(levels.astype(int)).max() <= 2 ** (bits - 1) - 1


def test_more_bits_are_nearer_to_the_float_model() -> None:
    model, samples = nets.build("resnet").eval(), batch(64)
    x = nets.images(64, seed=2)
    found = [make().model for make in Mixed(bits=[6, 4, 2]).models(model, samples).values()]
    with torch.inference_mode():
        errors = [float((one(x) - model(x)).square().mean()) for one in found]
    assert errors == sorted(errors) and errors[0] < errors[2] / 10


def test_the_same_samples_give_the_same_model() -> None:
    model, samples = nets.build("vgg").eval(), batch(32)
    one, other = (Mixed(bits=3).models(model, samples)["mixed3"]() for _ in range(2))
    assert one.rounded is not None and other.rounded is not None
    assert one.rounded.bits == other.rounded.bits and one.size_bytes == other.size_bytes


@pytest.mark.parametrize("bits", [1, 9, [3, 1.5]])
def test_bits_without_a_grid_are_reported(bits: float | list[float]) -> None:
    with pytest.raises(
        QuantizationError, match=r"`quantization.bits=[\d.]+` must be between 2 and"
    ):
        Mixed(bits)


def test_bits_without_a_grid_are_reported_before_any_work() -> None:
    [found] = mistakes_of("name=x", "quantization=mixed", "quantization.bits=1")
    assert "quantization.bits" in found


def test_samples_that_are_nan_are_reported() -> None:
    samples = batch(8)
    samples.batch[0][3] = torch.nan
    with pytest.raises(QuantizationError, match="1 of 8 calibration samples hold NaN"):
        Mixed().models(nets.build("vgg"), samples)["mixed3"]()


def test_tied_weights_have_the_same_bits() -> None:
    tied = nets.Tied()
    tied.embedding.weight.data.normal_(generator=torch.Generator().manual_seed(0))
    samples = batch(16)
    tokens = (torch.arange(16 * 4) % 11).view(16, 4)
    samples = type(samples)(samples.task, (tokens, torch.arange(16) % 10))
    found = Mixed(bits=4).models(tied, samples)["mixed4"]()
    assert found.rounded is not None
    assert found.rounded.bits["out.weight"] == found.rounded.bits["embedding.weight"]


def test_automatic_bits_are_means_to_be_searched_from_the_most_down() -> None:
    model, samples = nets.build("vgg").eval(), batch(32)
    makers = Mixed(bits="auto").models(model, samples)
    assert all(isinstance(make, SearchedBits) for make in makers.values())
    assert {name: make.bits for name, make in makers.items()} == {  # type: ignore[union-attr]
        f"mixed{mean:g}": mean for mean in AUTO
    }
    assert list(AUTO) == sorted(AUTO, reverse=True)
    one, other = makers["mixed3"](), Mixed(bits=3).models(model, samples)["mixed3"]()
    assert one.rounded is not None and other.rounded is not None
    assert one.rounded.bits == other.rounded.bits and one.size_bytes == other.size_bytes
