"""Files of integer modules: the same function, integer kernels, and what the gates refuse."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from torch import Tensor, nn

from paretoprune.errors import ExportError
from paretoprune.formats.format import Contents
from paretoprune.formats.int8 import INT8_FORMATS
from paretoprune.formats.onnx import kernels_of, open_onnx
from paretoprune.formats.tracing import trace
from paretoprune.quantization.gates import check_file, check_integer, check_kernels, distance
from paretoprune.quantization.integers import integer_module
from tests.quantization import nets

NAMES = ("resnet", "vgg", "mobilenet")


@cache
def exported(name: str, form: str) -> tuple[nn.Module, nn.Module, Contents]:
    model = nets.build(name)
    module = integer_module(model, nets.images(64))
    return model, module, INT8_FORMATS[form].encode(trace(module, nets.images(2)))


def answers(model: nn.Module, inputs: Tensor) -> Tensor:
    with torch.inference_mode():
        return model(inputs)


@pytest.mark.parametrize("form", INT8_FORMATS)
@pytest.mark.parametrize("name", NAMES)
def test_kernels_answer_as_the_module_does(name: str, form: str) -> None:
    """Of untrained networks, whose classes are close to one another, fewer answers agree."""
    model, module, contents = exported(name, form)
    inputs = nets.images(256, seed=1)
    reference, expected = answers(model, inputs), answers(module, inputs)
    found = INT8_FORMATS[form].open(contents, 1)(inputs)
    apart = distance(expected, found)
    assert apart.agreement > 95
    assert apart.kl < max(1e-3, 2 * distance(reference, expected).kl)
    alone = INT8_FORMATS[form].open(contents, 1)(inputs[:1])
    torch.testing.assert_close(alone, found[:1], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_without_optimisation_the_file_is_the_module(name: str) -> None:
    _, module, contents = exported(name, "onnx_int8")
    inputs = nets.images(64, seed=1)
    found = open_onnx(contents["model.int8.onnx"], 1, optimised=False)(inputs)
    check_file(answers(module, inputs), found, "onnxruntime")


@pytest.mark.parametrize("name", NAMES)
def test_no_convolution_stays_in_floating_point(name: str) -> None:
    model, _, contents = exported(name, "onnx_int8")
    kernels = kernels_of(contents["model.int8.onnx"])
    check_integer(kernels, "onnxruntime")
    convolutions = sum(isinstance(module, nn.Conv2d) for module in model.modules())
    assert kernels["QLinearConv"] == convolutions


def test_float_convolutions_are_refused() -> None:
    with pytest.raises(ExportError, match="onnxruntime computes 3 convolutions of the int8 file"):
        check_integer({"QLinearConv": 2, "Conv": 1, "FusedConv": 2}, "onnxruntime")


def test_a_lost_scale_is_seen_though_every_class_is_right() -> None:
    """As XNNPACK once gave logits 139 times too large."""
    logits = 3 * torch.randn(200, 5, generator=torch.Generator().manual_seed(0))
    module = logits + 0.01 * torch.randn(200, 5, generator=torch.Generator().manual_seed(1))
    check_kernels(logits, module, module + 0.01, "an engine")
    with pytest.raises(ExportError, match=r"an engine's integer kernels diverge .* by"):
        check_kernels(logits, module, 139 * module, "an engine")
    with pytest.raises(ExportError, match="without optimisations is not the integer module"):
        check_file(module, 139 * module, "an engine")


def test_other_classes_and_nan_are_refused() -> None:
    logits = 3 * torch.randn(200, 5, generator=torch.Generator().manual_seed(0))
    other = logits.clone()
    other[:3] = -other[:3]
    with pytest.raises(ExportError, match=r"predict another class .* for 1\.5 % of 200 samples"):
        check_kernels(logits, logits, other, "an engine")
    broken = logits.clone()
    broken[0] = float("nan")
    with pytest.raises(ExportError):
        check_kernels(logits, logits, broken, "an engine")


def test_weights_in_the_file_are_int8_and_activations_unsigned() -> None:
    import onnx

    content = exported("resnet", "onnx_int8")[2]["model.int8.onnx"]
    graph = onnx.load_from_string(content).graph
    large = [t for t in graph.initializer if len(t.dims) > 1]
    assert large and all(t.data_type == onnx.TensorProto.INT8 for t in large)
    zeros = {t.name: t.data_type for t in graph.initializer}
    rounding = [node for node in graph.node if node.op_type == "QuantizeLinear"]
    assert rounding
    assert {zeros[node.input[2]] for node in rounding} == {onnx.TensorProto.UINT8}
