"""The model registry: what was put in predicts the same. The tutorial's test serves it."""

from __future__ import annotations

import json
import os
import warnings
from dataclasses import replace
from pathlib import Path

import mlflow
import numpy as np
import pytest
import torch

from paretoprune.errors import ParetopruneError
from paretoprune.formats.registry import FORMATS
from paretoprune.formats.tracing import trace
from paretoprune.results import Metrics, TrialResult
from paretoprune.tasks.inputs import Inputs
from paretoprune.tracking.registry import Registration, register_model
from paretoprune.tracking.uri import resolve_uri
from tests.kits.own_model import OwnNet
from tests.kits.several_inputs import Words
from tests.tracking.conftest import MakeTracker


@pytest.fixture(scope="module")
def registration(tmp_path_factory: pytest.TempPathFactory) -> Registration:
    """A network that was never trained, as a pick would hand it over."""
    torch.manual_seed(0)
    model, inputs = OwnNet(width=4, num_classes=3).eval(), torch.randn(2, 1, 8, 8)
    file = tmp_path_factory.mktemp("model") / "model.onnx"
    file.write_bytes(FORMATS["onnx"].encode(trace(model, inputs))[file.name])
    with torch.inference_mode():
        logits = model(inputs).numpy()
    return Registration(
        name="digits-small",
        onnx_file=file,
        inputs=inputs.numpy(),
        outputs={"logits": logits},
        about={"classes": ["a", "b", "c"], "scale": 255.0},
        metrics={"macs": 1000, "test_accuracy": 97.5},
        description="# the card",
        sweep_name="digits",
        sweep_id="id-1",
        trial=17,
    )


def test_it_is_the_champion_and_predicts_the_same(
    root: Path, make_tracker: MakeTracker, registration: Registration
) -> None:
    tracker = make_tracker()
    trial = TrialResult(
        17, "complete", "chain", {"g": 0.5}, {"g": 4}, Metrics({"accuracy": 90.0}), 0
    )
    tracker.log_trial(trial)
    tracker.close("FINISHED")
    uri = resolve_uri(None, root=root)
    environment = dict(os.environ)
    assert [register_model(uri, registration, root=root) for _ in range(2)] == [1, 2]
    assert dict(os.environ) == environment  # nothing later is led to this database
    client = mlflow.MlflowClient(uri)
    version = client.get_model_version_by_alias("digits-small", "champion")
    assert (version.version, version.description) == (2, "# the card")
    assert version.tags["test_accuracy"] == "97.5"
    [run] = client.search_runs(
        [client.get_experiment_by_name("digits").experiment_id], "tags.trial = '17'"
    )
    assert version.run_id == run.info.run_id  # no other run was made for it
    assert run.info.status == "FINISHED"
    model = mlflow.pyfunc.load_model("models:/digits-small@champion")
    found = model.predict(registration.inputs)["logits"]
    np.testing.assert_allclose(found, registration.outputs["logits"], rtol=1e-5, atol=1e-6)
    assert model.metadata.metadata["classes"] == ["a", "b", "c"]
    assert model.metadata.signature.inputs.inputs[0].shape == (-1, 1, 8, 8)
    assert model.metadata.saved_input_example_info is not None
    logged = Path(
        client.get_logged_model(
            version.source.removeprefix("models:/")
        ).artifact_location.removeprefix("file://")
    )
    names = {path.name for path in logged.iterdir()}
    assert "model.onnx" in names and not any(name.endswith(("pkl", "pt", "pth")) for name in names)


@pytest.fixture
def words(registration: Registration, tmp_path: Path) -> Registration:
    """A model of two arguments, ids and their mask, which are called by their names."""
    torch.manual_seed(0)
    model, ids = Words(3).eval(), torch.randint(1, 12, (2, 5))
    inputs = Inputs((), {"input_ids": ids, "attention_mask": torch.ones_like(ids)})
    file = tmp_path / "model.onnx"
    file.write_bytes(FORMATS["onnx"].encode(trace(model, inputs))[file.name])
    with torch.inference_mode():
        output = inputs.run(model).numpy()
    given = {name: one.numpy() for name, one in inputs.kwargs.items()}
    return replace(
        registration, name="words", onnx_file=file, inputs=given, outputs={"output": output}
    )


def test_several_inputs_are_served_by_their_names(root: Path, words: Registration) -> None:
    """The answer to a request in JSON holds the outputs of the model."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of MLflow's own functions, when they are imported
        from mlflow.pyfunc import scoring_server
    assert register_model(resolve_uri(None, root=root), words, root=root) == 1
    mlflow.set_tracking_uri(resolve_uri(None, root=root))
    model = mlflow.pyfunc.load_model("models:/words@champion")
    assert isinstance(words.inputs, dict)
    body = json.dumps({"inputs": {name: one.tolist() for name, one in words.inputs.items()}})
    schema = model.metadata.get_input_schema()
    answer = scoring_server.invocations(body, "application/json", model, schema)
    assert answer.status == 200
    found = json.loads(answer.response)["predictions"]["output"]
    np.testing.assert_allclose(found, words.outputs["output"], rtol=1e-5, atol=1e-6)


def test_without_the_sweeps_runs_it_is_registered_all_the_same(
    root: Path, registration: Registration
) -> None:
    uri = resolve_uri(None, root=root)
    assert register_model(uri, registration, root=root) == 1
    assert mlflow.MlflowClient(uri).search_runs(["1"]) == []


def test_a_registry_that_cannot_be_reached_is_reported(
    tmp_path: Path, registration: Registration
) -> None:
    (tmp_path / "broken.db").write_text("no database")
    with pytest.raises(ParetopruneError, match="MLflow did not register the model"):
        register_model(f"sqlite:///{tmp_path}/broken.db", registration, root=tmp_path)
