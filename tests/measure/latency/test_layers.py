"""The layers of real networks, as the table sees them."""

from __future__ import annotations

from dataclasses import asdict

import pytest
import torch
from torch import Tensor, nn

from paretoprune.measure.latency.layers import LayerShape, layer_pass, trace_layers
from tests.kits import networks

CPU = torch.device("cpu")


@pytest.mark.parametrize("name", networks.PRUNABLE)
def test_every_layer_runs_alone_and_hands_on_what_it_does_in_the_network(name: str) -> None:
    model, batch = networks.build(name), networks.example()
    outputs: list[Tensor] = []
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(lambda m, x, y: outputs.append(y))
    layers = trace_layers(model, batch)
    assert len(layers) == len(outputs)
    for layer, output in zip(layers, outputs, strict=True):
        layer_pass(layer.shape, *layer.widths({}), device=CPU)()
        assert layer.shape.per_output * layer.shape.width_out == output.numel()


def test_widths_are_looked_up_in_the_tensors_dimensions() -> None:
    [first, *_, last] = trace_layers(networks.build("vgg"), networks.example())
    sizes = {("features.0.weight", 0): 5, ("classifier.0.weight", 1): 24}
    assert first.widths(sizes) == (3, 5)
    assert last.widths(sizes) == (20, 5)
    linear = trace_layers(networks.build("vgg"), networks.example())[2]
    assert linear.widths(sizes) == (24, 20)


def test_a_depthwise_convolution_narrows_on_both_sides() -> None:
    layers = trace_layers(networks.build("mobilenet"), networks.example())
    depthwise = next(layer for layer in layers if layer.shape.groups > 1)
    assert depthwise.widths({depthwise.place_out: 6}) == (6, 6)
    layer_pass(depthwise.shape, 6, 6, device=CPU)()


def test_a_layer_that_is_called_twice_is_there_twice() -> None:
    shared = nn.Linear(4, 4)
    layers = trace_layers(nn.Sequential(shared, nn.ReLU(), shared), torch.rand(2, 4))
    assert [layer.place_out for layer in layers] == [("0.weight", 0), ("0.weight", 0)]
    assert layers[0] == layers[1]


def test_the_memory_order_and_the_batch_are_part_of_the_shape() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1))
    batch = torch.rand(2, 3, 8, 8)
    plain = trace_layers(model, batch)[0].shape
    last = trace_layers(model, batch.contiguous(memory_format=torch.channels_last))[0].shape
    assert (plain.channels_last, last.channels_last) == (False, True)
    assert trace_layers(model, batch[:1])[0].shape != plain
    layer_pass(last, 3, 4, device=CPU)()


def test_a_transposed_convolution_swaps_the_dimensions() -> None:
    model = nn.Sequential(nn.ConvTranspose2d(6, 4, 2, stride=2))
    [layer] = trace_layers(model, torch.rand(1, 6, 5, 5))
    assert layer.widths({("0.weight", 0): 3, ("0.weight", 1): 2}) == (3, 2)
    assert layer.shape.per_output == 100
    layer_pass(layer.shape, 3, 2, device=CPU)()


def test_mode_and_hooks_are_as_before() -> None:
    model = networks.build("resnet").train()
    trace_layers(model, networks.example())
    assert model.training
    assert not any(module._forward_hooks for module in model.modules())


def test_there_and_back_as_json() -> None:
    shape = trace_layers(networks.build("resnext"), networks.example())[2].shape
    data = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(shape).items()}
    assert LayerShape.from_json(data) == shape


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("dims", [1, 2, 3])
def test_a_convolution_of_each_kind_runs_alone(dims: int, transposed: bool) -> None:
    kinds = {
        (1, False): nn.Conv1d,
        (2, False): nn.Conv2d,
        (3, False): nn.Conv3d,
        (1, True): nn.ConvTranspose1d,
        (2, True): nn.ConvTranspose2d,
        (3, True): nn.ConvTranspose3d,
    }
    module = kinds[dims, transposed](4, 6, 3)
    [layer] = trace_layers(nn.Sequential(module), torch.rand(2, 4, *[7] * dims))
    assert layer.shape.transposed == transposed
    layer_pass(layer.shape, 4, 6, device=CPU)()
    layer_pass(layer.shape, 3, 5, device=CPU)()
