"""Every format over every kind of network: pruned, exported, the same outputs, any batch."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import onnx
import pytest
import torch
from torch import Tensor, nn

from paretoprune.config.target import Target
from paretoprune.errors import ExportError, SettingsError
from paretoprune.formats.format import INPUT, OUTPUT, GraphFormat
from paretoprune.formats.onnx import OPSET
from paretoprune.formats.pt2 import pt2
from paretoprune.formats.registry import FORMATS, add_own, check_installed
from paretoprune.formats.tracing import Tracer, trace, tracer
from paretoprune.pruning.dependency.find import find_groups
from paretoprune.pruning.dependency.proof import random_plan
from paretoprune.pruning.structured.apply import apply_plan
from paretoprune.testing import check_format
from tests.kits import families, networks

NETWORKS = (*families.FAMILIES, "resnet_option_a", "densenet", "resnext", "mobilenet")
# ExecuTorch takes 1 to 10 s for each; docs/how-to/pick-and-deliver.md says how all of them went.
ON_PHONES = ("attention_torch", "split", "squeeze_excite", "densenet", "resnext")


@cache
def pruned(name: str) -> tuple[nn.Module, Tracer]:
    """A network of the kits with some of each group gone, and its graph."""
    model = families.build(name) if name in families.FAMILIES else networks.build(name)
    groups = find_groups(model, networks.example()).prunable
    model = apply_plan(model, groups, random_plan(groups, seed=4)).eval()
    return model, tracer(model, networks.example())


def needs(name: str) -> None:
    """Skip where the format's library is not installed, or not for this torch."""
    try:
        check_installed(name)
    except ExportError as error:
        pytest.skip(str(error))
    if name == "executorch":
        pytest.importorskip("executorch.extension.pybindings.portable_lib", exc_type=ImportError)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("form", "name"),
    [
        (form, name)
        for form in FORMATS
        for name in (ON_PHONES if form == "executorch" else NETWORKS)
    ],
)
def test_a_pruned_network_computes_the_same_from_its_files(form: str, name: str) -> None:
    needs(form)
    known, (model, traced) = FORMATS[form], pruned(name)
    contents = known.encode(traced(known.samples))
    assert tuple(contents) == known.files
    assert not any(str(Path.cwd()).encode() in content for content in contents.values())
    run = known.open(contents, 1)
    for batch in (1, 2, 5):  # more than it was traced with
        inputs = networks.example(batch)
        with torch.inference_mode():
            torch.testing.assert_close(run(inputs), model(inputs), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("form", FORMATS)
def test_the_order_in_memory_that_it_was_trained_with_does_not_matter(form: str) -> None:
    """A grey image has two such orders that torch takes for one."""
    needs(form)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 3), nn.Flatten()).eval()
    inputs = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = model(inputs)
    model = model.to(memory_format=torch.channels_last)
    turned = inputs.contiguous(memory_format=torch.channels_last)
    known = FORMATS[form]
    run = known.open(known.encode(trace(model, turned, samples=known.samples)), 1)
    with torch.inference_mode():
        torch.testing.assert_close(run(inputs), expected, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(run(turned), expected, rtol=1e-4, atol=1e-5)


def test_onnx_says_what_it_takes() -> None:
    contents = FORMATS["onnx"].encode(pruned("resnet_option_a")[1](None))
    model = onnx.load_from_string(contents["model.onnx"])
    onnx.checker.check_model(model)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", OPSET)]
    [taken], [given] = model.graph.input, model.graph.output
    assert (taken.name, given.name) == (INPUT, OUTPUT)
    batch, *sizes = taken.type.tensor_type.shape.dim
    assert batch.dim_param and [size.dim_value for size in sizes] == [3, 8, 8]


def test_openvino_sends_no_telemetry(tmp_path: Path) -> None:
    """Imported as it is, it leaves an identity in the user's home and sends it over the network."""
    needs("openvino")
    code = (
        "from paretoprune.formats.registry import FORMATS; import sys, torch\n"
        "from paretoprune.formats.tracing import trace\n"
        "contents = FORMATS['openvino'].encode(trace(torch.nn.Linear(2, 2), torch.zeros(2, 2)))\n"
        "assert FORMATS['openvino'].open(contents, 1)(torch.zeros(3, 2)).shape == (3, 2)\n"
        "print('openvino' in sys.modules)\n"
    )
    environment = os.environ | {"HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "True"
    assert list(tmp_path.iterdir()) == []


def test_signals_are_safe_after_models_of_openvino_have_ended() -> None:
    """OpenVINO gives the caller a signal stack and frees it with a model, in any order."""
    needs("openvino")
    code = (
        "from paretoprune.formats.registry import FORMATS; import os, signal, torch\n"
        "from paretoprune.formats.tracing import trace\n"
        "contents = FORMATS['openvino'].encode(trace(torch.nn.Linear(2, 2), torch.zeros(2, 2)))\n"
        "signal.signal(signal.SIGUSR1, lambda *_: print('still here', flush=True))\n"
        "models = [FORMATS['openvino'].open(contents, 1) for _ in range(8)]\n"
        "while models:\n"
        "    models.pop(0)(torch.zeros(3, 2))\n"
        "    os.kill(os.getpid(), signal.SIGUSR1)\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines() == ["still here"] * 8


class Branching(nn.Module):
    """Branches on a value, which no graph can hold."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1) if x.sum() > 0 else -x.flatten(1)


class Untranslatable(nn.Module):
    """Holds an operation that ONNX does not know."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.special.bessel_j0(x).flatten(1)


def test_what_cannot_be_a_graph_is_reported_in_a_sentence() -> None:
    with pytest.raises(ExportError, match=r"torch\.export cannot take it: \w+: .+"):
        trace(Branching().eval(), networks.example())
    program = trace(Untranslatable().eval(), networks.example())
    for name in ("onnx", "openvino"):
        needs(name)
        with pytest.raises(ExportError, match=r"torch\.onnx cannot translate it: \w+: .+"):
            FORMATS[name].encode(program)


def test_executorch_says_what_it_lacks() -> None:
    needs("executorch")
    program = trace(Untranslatable().eval(), networks.example(), samples=1)
    with pytest.raises(ExportError, match=r"ExecuTorch cannot convert it: .*bessel"):
        FORMATS["executorch"].encode(program)


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    check_installed("onnx")
    monkeypatch.setitem(sys.modules, "openvino", None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name != "openvino" or None)
    with pytest.raises(ExportError, match=r"`openvino` needs openvino; .*paretoprune\[openvino\]"):
        check_installed("openvino")


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_keeps_the_contract(form: str) -> None:
    needs(form)
    check_format(Target(path=f"paretoprune.formats.{form}.{form}"))


def test_a_format_of_the_users_own_needs_trust_and_names_for_files() -> None:
    with pytest.raises(SettingsError, match="is outside the trusted packages"):
        add_own([f"{__name__}.misnamed"], [])
    with pytest.raises(SettingsError, match=r"names of files must begin with `model\.`"):
        add_own([f"{__name__}.misnamed"], ["tests.formats"])
    with pytest.raises(SettingsError, match="must return a GraphFormat, got int"):
        add_own([f"{__name__}.number"], ["tests.formats"])


def misnamed() -> GraphFormat:
    return replace(pt2(), files=("weights.bin",))


def number() -> int:
    return 3


def test_an_onnx_file_holds_no_origins_of_its_operators() -> None:
    """Names of modules and values in PyTorch took a sixth of an int8 file."""
    needs("onnx")
    _, traced = pruned("resnext")
    [content] = FORMATS["onnx"].encode(traced(None)).values()
    graph = onnx.load_model_from_string(content).graph
    parts = (graph, *graph.node, *graph.input, *graph.output, *graph.initializer)
    assert not any(part.metadata_props or part.doc_string for part in parts)
    assert not graph.value_info
