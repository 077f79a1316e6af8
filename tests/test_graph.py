"""Graphs: pruned networks compute the same in their files, for any number of samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

from paretoprune import graph
from paretoprune.errors import ExportError
from paretoprune.pruning import Magnitude, apply_plan, make_plan
from tests.kits import networks
from tests.kits.cases import make_case


def pruned(name: str) -> nn.Module:
    """A network of the kit with half of each group gone."""
    case = make_case(name)
    widths = {group.name: max(1, group.width // 2) for group in case.groups}
    plan = make_plan(case.groups, Magnitude(p=1)(case.model, case.groups, iter(())), widths)
    return apply_plan(case.model, case.groups, plan).eval()


@pytest.fixture(scope="module")
def resnet_onnx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a pruned ResNet."""
    file = tmp_path_factory.mktemp("onnx") / "model.onnx"
    graph.write_onnx(file, graph.trace(pruned("resnet_option_a"), networks.example()))
    return file


def check_onnx(file: Path, model: nn.Module) -> None:
    session = graph.open_onnx(file, threads=1)
    inputs = networks.example(5)
    for batch in (1, 2, 5):
        found = graph.run_onnx(session, inputs[:batch].numpy())
        with torch.inference_mode():
            expected = model(inputs[:batch]).numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_a_resnet_in_onnx(resnet_onnx: Path) -> None:
    check_onnx(resnet_onnx, pruned("resnet_option_a"))


def test_grouped_convolutions_in_both_formats(tmp_path: Path) -> None:
    model, inputs = pruned("resnext"), networks.example(5)
    program = graph.trace(model, inputs)
    graph.write_onnx(tmp_path / "model.onnx", program)
    check_onnx(tmp_path / "model.onnx", model)
    graph.write_pt2(tmp_path / "model.pt2", program)
    loaded = graph.load_pt2(tmp_path / "model.pt2")
    for batch in (1, 2, 5):
        with torch.inference_mode():
            torch.testing.assert_close(loaded(inputs[:batch]), model(inputs[:batch]))


def test_onnx_says_what_it_takes_and_nothing_of_this_machine(resnet_onnx: Path) -> None:
    model = onnx.load(resnet_onnx)
    onnx.checker.check_model(model)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", graph.OPSET)]
    [taken], [given] = model.graph.input, model.graph.output
    assert (taken.name, given.name) == (graph.INPUT, graph.OUTPUT)
    batch, *sizes = taken.type.tensor_type.shape.dim
    assert batch.dim_param and [size.dim_value for size in sizes] == [3, 8, 8]
    assert str(Path.cwd()).encode() not in resnet_onnx.read_bytes()


class Branching(nn.Module):
    """Branches on a value, which no graph can hold."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1) if x.sum() > 0 else -x.flatten(1)


class Untranslatable(nn.Module):
    """Holds an operation that ONNX does not know."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.special.bessel_j0(x).flatten(1)


def test_what_cannot_be_a_graph_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"torch\.export cannot take it: \w+: .+"):
        graph.trace(Branching().eval(), networks.example())
    program = graph.trace(Untranslatable().eval(), networks.example())
    with pytest.raises(ExportError, match=r"torch\.onnx cannot translate it: \w+: .+"):
        graph.write_onnx(tmp_path / "model.onnx", program)


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    graph.check_onnx_is_installed()
    monkeypatch.setattr(graph, "_ONNX_PACKAGES", ("onnx", "no_such_package"))
    with pytest.raises(ExportError, match=r"needs no_such_package; .*paretoprune\[onnx\]"):
        graph.check_onnx_is_installed()
