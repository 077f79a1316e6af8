"""Formats of models with several inputs and outputs: by name, for any number of samples."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import onnx
import pytest
import torch
from torch import Tensor, nn

from paretoprune.errors import ExportError
from paretoprune.formats.names import named_inputs, named_outputs, names_of
from paretoprune.formats.registry import FORMATS
from paretoprune.formats.tracing import trace
from paretoprune.measure.latency.engines import engine_named
from paretoprune.tasks.inputs import Inputs
from tests.formats.test_formats import needs
from tests.kits.several_inputs import Towers, Words, example

NETWORKS: dict[str, nn.Module] = {"towers": Towers().eval(), "words": Words(2).eval()}
TAKEN = {"towers": ["user", "item"], "words": ["attention_mask", "input_ids"]}
GIVEN = {"towers": ["rating", "vector"], "words": ["output"]}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("network", NETWORKS)
def test_every_format_takes_and_returns_tensors_by_name(form: str, network: str) -> None:
    needs(form)
    known, model = FORMATS[form], NETWORKS[network]
    program = trace(model, example(model), samples=known.samples)
    assert names_of(program) == (TAKEN[network], GIVEN[network])
    run = known.open(known.encode(program), 1)
    for count in (1, 4):
        inputs = example(model, count)
        named = named_inputs(model, inputs)
        with torch.inference_mode():
            expected = named_outputs(inputs.run(model))
            for found in (run(*named.values()), run(**named)):
                values = named_outputs(found).values()
                for own, wanted in zip(values, expected.values(), strict=True):
                    torch.testing.assert_close(own, wanted, rtol=1e-4, atol=1e-5)
                if form != "executorch":
                    assert [*named_outputs(found)] == GIVEN[network]


def test_onnx_has_names_dtypes_and_a_dynamic_batch() -> None:
    model = NETWORKS["towers"]
    content = FORMATS["onnx"].encode(trace(model, example(model)))["model.onnx"]
    graph = onnx.load_from_string(content).graph
    assert [one.name for one in graph.input] == ["user", "item"]
    assert [one.name for one in graph.output] == ["rating", "vector"]
    assert all(one.type.tensor_type.elem_type == onnx.TensorProto.INT64 for one in graph.input)
    assert all(one.type.tensor_type.shape.dim[0].dim_param for one in graph.input)


@pytest.mark.parametrize("form", ["pt2", "onnx"])
def test_engines_time_a_model_of_integers(form: str) -> None:
    model, engine = NETWORKS["towers"], engine_named(FORMATS[form].engine)
    converted = engine.convert(model, example(model, 2))
    engine.load(
        converted, example(model, 5), 1
    )()  # another number of samples than it was traced with


class Unnamed(nn.Module):
    """Takes its tensors without names, and returns them in a nest."""

    def forward(self, *tensors: Tensor) -> Any:
        first, second = tensors
        return first + second, {"inner": [first * second]}


def test_what_has_no_name_gets_a_number() -> None:
    model, inputs = Unnamed(), Inputs((torch.ones(2, 3), torch.ones(2, 3)))
    program = trace(model, inputs)
    assert names_of(program) == (["input_0", "input_1"], ["output_0", "output_1_inner_0"])


def test_names_of_outputs() -> None:
    one = torch.zeros(1)
    pair = namedtuple("pair", "left right")(one, one)
    assert [*named_outputs(one)] == ["output"]
    assert [*named_outputs((one, one))] == ["output_0", "output_1"]
    assert [*named_outputs(pair)] == ["left", "right"]
    assert [*named_outputs({"a": one, "b": (one, pair), "c": None})] == [
        "a",
        "b_0",
        "b_1_left",
        "b_1_right",
    ]


class Images(nn.Module):
    """Takes a list of images, as detectors do."""

    def forward(self, images: list[Tensor]) -> Tensor:
        return torch.stack([image.mean() for image in images])


def test_a_list_of_tensors_is_refused_in_a_sentence() -> None:
    with pytest.raises(ExportError, match="takes tensors by name, and the argument 0 is a list"):
        trace(Images(), Inputs(([torch.zeros(3, 4, 4), torch.zeros(3, 5, 5)],)))
