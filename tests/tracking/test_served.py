"""Registered models of each task answer requests like their networks; one by MLflow's server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
import torch
from torch import nn

from paretoprune.formats.lengths import length_of
from paretoprune.formats.names import named_inputs, named_outputs
from paretoprune.formats.registry import FORMATS
from paretoprune.formats.tracing import trace
from paretoprune.models.samples.forecasters import lstm_forecaster
from paretoprune.models.samples.mlp import mlp
from paretoprune.models.samples.ncf import ncf
from paretoprune.models.text.lstm import lstm_classifier
from paretoprune.tasks.inputs import Inputs
from paretoprune.tracking.registry import Registration, register_model
from paretoprune.tracking.uri import resolve_uri
from tests.kits.own_model import OwnNet
from tests.kits.servers import free_port, listens, stop


def served_networks() -> dict[str, tuple[nn.Module, Inputs, bool]]:
    """Return a network of each task, inputs of two samples, and True for one plain tensor."""
    torch.manual_seed(0)
    ids = torch.randint(1, 12, (2, 6))
    texts = Inputs((), {"input_ids": ids, "attention_mask": torch.ones_like(ids)})
    return {
        "images": (OwnNet(width=4, num_classes=3), Inputs((torch.randn(2, 1, 8, 8),)), True),
        "texts": (lstm_classifier(3, vocab_size=12, width=4, hidden=6), texts, False),
        "series": (lstm_forecaster(horizon=2, width=4), Inputs((torch.randn(2, 8, 1),)), False),
        "ratings": (ncf(20, 30), Inputs((torch.tensor([3, 4]), torch.tensor([5, 29]))), False),
        "tables": (mlp(2, 5), Inputs((torch.randn(2, 5),)), True),
    }


def registered(model: nn.Module, inputs: Inputs, is_plain: bool, file: Path) -> Registration:
    """Return the registration of a network as `pick` makes it."""
    model.eval()
    any_length = length_of(inputs) is not None
    given = inputs.only if is_plain else inputs
    program = trace(model, given, any_length=any_length)
    file.write_bytes(FORMATS["onnx"].encode(program)["model.onnx"])
    named = named_inputs(model, inputs)
    arrays = inputs.only.numpy() if is_plain else {key: one.numpy() for key, one in named.items()}
    with torch.inference_mode():
        found = named_outputs(inputs.run(model))
    outputs = {"logits" if is_plain else key: one.numpy() for key, one in found.items()}
    return Registration(
        name="served",
        onnx_file=file,
        inputs=arrays,
        outputs=outputs,
        about={},
        metrics={},
        description="# the card",
        sweep_name="served",
        sweep_id="id-2",
        trial=1,
    )


def as_json(inputs: Any) -> str:
    """Return a request as MLflow's documentation writes it, of arrays by name or of one."""
    if isinstance(inputs, Mapping):
        return json.dumps({"inputs": {name: one.tolist() for name, one in inputs.items()}})
    return json.dumps({"inputs": inputs.tolist()})


def answer_to(model: Any, inputs: Any) -> dict[str, Any]:
    """Return what the scoring server answers to a request, without its process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of MLflow's own functions, when they are imported
        from mlflow.pyfunc import scoring_server
    schema = model.metadata.get_input_schema()
    answer = scoring_server.invocations(as_json(inputs), "application/json", model, schema)
    assert answer.status == 200, answer.response
    found: dict[str, Any] = json.loads(answer.response)["predictions"]
    return found


SHAPES = {
    "images": [(-1, 1, 8, 8)],
    "texts": [(-1, -1), (-1, -1)],
    "series": [(-1, 8, 1)],  # torch.export takes the steps of an LSTM for a constant
    "ratings": [(-1,), (-1,)],
    "tables": [(-1, 5)],
}


@pytest.mark.parametrize("task", SHAPES)
def test_a_model_of_each_task_answers_a_request_like_the_network(
    root: Path, tmp_path: Path, task: str
) -> None:
    network, inputs, is_plain = served_networks()[task]
    given = registered(network, inputs, is_plain, tmp_path / "model.onnx")
    uri = resolve_uri(None, root=root)
    assert register_model(uri, given, root=root) == 1
    mlflow.set_tracking_uri(uri)
    model = mlflow.pyfunc.load_model("models:/served@champion")
    assert [one.shape for one in model.metadata.signature.inputs.inputs] == SHAPES[task]
    kept = model.input_example
    for asked in (given.inputs, kept):
        found = answer_to(model, asked)
        assert found.keys() == given.outputs.keys()
        for name, expected in given.outputs.items():
            np.testing.assert_allclose(found[name], expected, rtol=1e-5, atol=1e-6)


def test_a_text_of_another_length_is_served(root: Path, tmp_path: Path) -> None:
    network, inputs, is_plain = served_networks()["texts"]
    uri = resolve_uri(None, root=root)
    register_model(uri, registered(network, inputs, is_plain, tmp_path / "model.onnx"), root=root)
    mlflow.set_tracking_uri(uri)
    model = mlflow.pyfunc.load_model("models:/served@champion")
    half = inputs.map(lambda one: one[:1, :3])
    with torch.inference_mode():
        expected = half.run(network).numpy()
    given = {name: one.numpy() for name, one in half.kwargs.items()}
    found = answer_to(model, given)["output"]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@contextmanager
def serving(uri: str, model: str, log: Path) -> Iterator[str]:
    """The address of `mlflow models serve`, ready to answer; all its processes end with it."""
    pytest.importorskip("uvicorn", reason="`mlflow models serve` needs uvicorn")
    port, places = (
        free_port(),
        os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    )
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", model, "-p", str(port)]
    environment = os.environ | {
        "PATH": places,
        "MLFLOW_TRACKING_URI": uri,
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    with log.open("w") as stream:
        server = subprocess.Popen(
            [*command, "--env-manager", "local"],
            env=environment,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
    try:
        while not listens(port):
            assert server.poll() is None, log.read_text()
            time.sleep(0.25)
        yield f"http://127.0.0.1:{port}"
    finally:
        stop(server)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_mlflows_server_answers_a_request(root: Path, tmp_path: Path) -> None:
    """`mlflow models serve`, as `pick` prints it, of a model with several inputs."""
    network, inputs, is_plain = served_networks()["texts"]
    given = registered(network, inputs, is_plain, tmp_path / "model.onnx")
    uri = resolve_uri(None, root=root)
    register_model(uri, given, root=root)
    with serving(uri, "models:/served@champion", tmp_path / "log") as address:
        request = urllib.request.Request(
            f"{address}/invocations",
            data=as_json(given.inputs).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            found = json.load(answer)["predictions"]["output"]
    np.testing.assert_allclose(found, given.outputs["output"], rtol=1e-5, atol=1e-6)
