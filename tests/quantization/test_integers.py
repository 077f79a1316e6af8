"""The integer module: integer arithmetic, near the float network, for every kind of network."""

from __future__ import annotations

import copy
import re
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.fx import GraphModule

from paretoprune.errors import EquivalenceError, QuantizationError
from paretoprune.formats.tracing import trace
from paretoprune.quantization.gates import check_graph, check_simulation, distance
from paretoprune.quantization.integers import integer_module
from paretoprune.quantization.points import find_points
from paretoprune.quantization.simulate import simulate
from paretoprune.quantization.walk import integer_graph
from paretoprune.quantization.weights import round_weights
from tests.kits import families
from tests.quantization import nets
from tests.quantization.integer_arithmetic import IntegerArithmetic

_q = torch.ops.quantized_decomposed


@cache
def converted(name: str) -> tuple[nn.Module, GraphModule]:
    model = nets.build(name)
    return model, integer_module(model, nets.images(64))


def outputs(model: nn.Module, inputs: Tensor) -> Tensor:
    with torch.inference_mode():
        return model(inputs)


@pytest.mark.parametrize("name", nets.NAMES)
def test_it_computes_what_sums_of_whole_numbers_give(name: str) -> None:
    model, module = converted(name)
    inputs = nets.images(16, seed=1)
    slow = IntegerArithmetic(module)
    with torch.inference_mode():
        expected = slow.run(inputs)
    layers = [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    inner = len(layers) - 2 if name.startswith("vgg") else len(layers)
    assert slow.computed >= inner - 1  # behind a view, a linear layer's input is not seen
    assert distance(expected, outputs(module, inputs)).median < 1e-4


@pytest.mark.parametrize("name", nets.NAMES)
def test_it_is_near_the_float_network(name: str) -> None:
    model, module = converted(name)
    inputs = nets.images(256, seed=1)
    expected, found = outputs(model, inputs), outputs(module, inputs)
    assert (found - expected).square().mean() < 0.003 * expected.var()  # 25 dB


@pytest.mark.parametrize("name", nets.NAMES)
def test_weights_are_int8_and_no_float_weight_is_left(name: str) -> None:
    _, module = converted(name)
    state = module.state_dict()
    assert all(t.dim() == 1 for t in state.values() if t.is_floating_point())
    assert any(t.dtype is torch.int8 and t.dim() > 1 for t in state.values())


@pytest.mark.parametrize("name", ["resnet", "vgg", "mobilenet", "resnext"])
def test_batchnorm_behind_layers_is_gone(name: str) -> None:
    _, module = converted(name)
    assert not [n for n in module.graph.nodes if "batch_norm" in str(n.target)]


def test_it_takes_any_number_of_samples_and_can_be_exported_again() -> None:
    _, module = converted("resnet")
    again = trace(module, nets.images(2)).module()
    for count in (1, 5):
        inputs = nets.images(count, seed=3)
        torch.testing.assert_close(outputs(again, inputs), outputs(module, inputs))


def test_each_layer_reads_rounded_numbers() -> None:
    """Of the residual network all, and each sum as well."""
    _, module = converted("resnet")
    for node in module.graph.nodes:
        if str(node.target) in ("aten.conv2d.default", "aten.linear.default", "aten.add.Tensor"):
            entering = node.args[:2] if "add" in str(node.target) else node.args[:1]
            assert all(n.target is _q.dequantize_per_tensor.default for n in entering), node


def test_zero_is_exact_and_ranges_hold_the_samples() -> None:
    """Padding adds zeros; a range that began above zero would move them."""
    model = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Flatten()).eval()
    module = integer_module(model, nets.images(32).abs() + 1)
    for node in module.graph.nodes:
        if node.target is _q.quantize_per_tensor.default:
            scale, zero = node.args[1:3]
            assert 0 <= zero <= 255 and scale > 0
    inputs = nets.images(8).abs() + 1
    expected = outputs(model, inputs)
    assert (outputs(module, inputs) - expected).abs().max() < 0.03 * expected.abs().max()


@pytest.mark.parametrize("name", ["attention_torch", "squeeze_excite", "convnext", "shuffle"])
def test_networks_with_other_operators_are_taken_as_well(name: str) -> None:
    model = families.build(name)
    module = integer_module(model, nets.images(64))
    inputs = nets.images(64, seed=1)
    expected = outputs(model, inputs)
    assert (outputs(module, inputs) - expected).square().mean() < 0.02 * expected.var()


def test_the_model_itself_stays_as_it_is() -> None:
    model = nets.build("vgg")
    before = copy.deepcopy(model.state_dict())
    integer_module(model, nets.images(8))
    assert all(torch.equal(before[name], t) for name, t in model.state_dict().items())


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.fc = nn.LSTM(8, 6, batch_first=True), nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.lstm(x[:, 0])[0].mean(1))


def test_operators_without_integer_kernels_are_named() -> None:
    with pytest.raises(QuantizationError, match=r"an LSTM \(aten.lstm.input, weight `lstm\.weight"):
        integer_module(Recurrent().eval(), nets.images(8))
    up = nn.Sequential(nn.ConvTranspose2d(3, 4, 2), nn.Flatten()).eval()
    with pytest.raises(QuantizationError, match=r"a transposed convolution .* `0\.weight`"):
        integer_module(up, nets.images(8))


def test_samples_that_break_the_model_are_reported() -> None:
    samples = nets.images(8)
    samples[3] = float("inf")
    with pytest.raises(QuantizationError, match="1 of 8 calibration samples hold NaN or infinity"):
        integer_module(nets.build("resnet"), samples)

    class Root(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return self.fc(x.mean((2, 3)).sqrt())

        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(3, 5)

    with pytest.raises(QuantizationError, match="gives NaN or infinity at `sqrt`"):
        integer_module(Root().eval(), nets.images(8) - 5)


def test_a_wrong_weight_or_scale_does_not_pass_the_gates() -> None:
    model, inputs = nets.build("resnet"), nets.images(16)
    rounded = round_weights(model, 8)
    graph = integer_graph(rounded, inputs)
    expected = outputs(rounded.model, inputs)
    check_graph(expected, outputs(graph, inputs))
    codes = next(t for n, t in graph.named_buffers() if t.dtype is torch.int8)
    codes[0, 0] += 9
    with pytest.raises(EquivalenceError, match="the graph with int8 weights is not the model"):
        check_graph(expected, outputs(graph, inputs))
    _, module = converted("resnet")
    simulated = simulate(module, inputs)
    check_simulation(simulated, outputs(module, inputs))
    with pytest.raises(EquivalenceError, match="the integer module is not the model"):
        check_simulation(simulated, 1.01 * outputs(module, inputs))


def test_points_are_where_kernels_read_and_write() -> None:
    """Not between a layer and its ReLU, nor at the output; behind other operators before layers."""
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.GELU(), nn.Flatten(), nn.Linear(64, 5)
    )
    graph = integer_graph(round_weights(model.eval(), 8), nets.images(2))
    found = [str(node.target) for node in find_points(graph)]
    assert found == ["input", "aten.relu.default", "aten.conv2d.default", "aten.gelu.default"]


def test_the_lines_of_the_docs_run() -> None:
    page = Path(__file__).resolve().parents[2] / "docs/how-to/int8.md"
    [code] = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Tensor] = {}
    exec(code, names)
    assert names["logits"].shape == (5, 8 * 6 * 6)
