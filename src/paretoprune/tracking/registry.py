"""MLflow's model registry: a picked model as a version of a registered model, without pickle."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paretoprune.config.redact import redact
from paretoprune.errors import ParetopruneError
from paretoprune.tracking.client import connect, import_mlflow
from paretoprune.tracking.outbox import explain
from paretoprune.tracking.runs import find_trial_run, open_experiment
from paretoprune.tracking.uri import is_server, sqlite_file

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.models import ModelSignature
    from mlflow.types import Schema
    from numpy import ndarray

ALIAS = "champion"
_RUNTIME = ("onnx", "onnxruntime", "numpy", "pandas")  # requirements for serving the model


@dataclass(frozen=True)
class Registration:
    """A model to register, with its origin."""

    name: str  # of the registered model
    onnx_file: Path
    inputs: ndarray | Mapping[str, ndarray]  # an example (N, ...), by name for several
    outputs: Mapping[str, ndarray]  # what the model returns for it
    about: Mapping[str, Any]  # inputs, preprocessing and class names, stored with the model
    metrics: Mapping[str, float]
    description: str  # Markdown
    sweep_name: str
    sweep_id: str
    trial: int


def register_model(uri: str, registration: Registration, *, root: Path) -> int:
    """Log the model as the newest version with the alias `champion`; return the version.

    `uri` is from `resolve_uri`. If MLflow holds the trial's run, the model is attached to it.

    Raises:
        ParetopruneError: MLflow cannot be reached or refuses.
    """
    try:
        import_mlflow()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # advice about MLflow's own features
            return _register(uri, registration, root)
    except Exception as error:  # databases, servers and MLflow share no error class
        raise ParetopruneError(
            f"MLflow did not register the model, which is exported: {redact(explain(error))}"
        ) from error


def _register(uri: str, registration: Registration, root: Path) -> int:
    file = sqlite_file(uri)
    artifacts = (file.parent if file else root.resolve()) / "mlruns"
    client = connect(uri, artifacts=artifacts)
    place = None if is_server(uri) else (artifacts / registration.sweep_name).as_uri()
    experiment_id = open_experiment(client, registration.sweep_name, place)
    run_id = find_trial_run(
        client, experiment_id, sweep_id=registration.sweep_id, trial=registration.trial
    )
    logged = _log(uri, experiment_id, run_id, registration)
    number = int(logged.registered_model_version)
    for name, value in registration.metrics.items() if run_id else ():
        client.log_metric(run_id, name, value, model_id=logged.model_id)
    _describe(client, registration, number)
    return number


def _log(uri: str, experiment_id: str, run_id: str | None, registration: Registration) -> Any:
    """Log the model with its signature and an input example."""
    import mlflow
    import onnx
    from mlflow.models import Model

    model = onnx.load(registration.onnx_file)
    with _environment_kept():
        mlflow.set_tracking_uri(uri)
        mlflow.set_experiment(experiment_id=experiment_id)
        return Model.log(
            artifact_path=None,
            name=registration.name,
            flavor=mlflow.onnx,
            run_id=run_id,
            onnx_model=model,
            signature=_signature(registration, model.graph),
            input_example=registration.inputs,
            pip_requirements=[f"{package}=={version(package)}" for package in _RUNTIME],
            onnx_execution_providers=["CPUExecutionProvider"],
            save_as_external_data=False,
            metadata=dict(registration.about),
            registered_model_name=registration.name,
            tags={"trial": registration.trial, "sweep": registration.sweep_name},
        )


def _signature(registration: Registration, graph: Any) -> ModelSignature:
    """Return the names, types and shapes of the example; sizes that may change are -1."""
    from mlflow.models import ModelSignature, infer_signature

    found = infer_signature(registration.inputs, dict(registration.outputs))
    inputs, outputs = _with_free_sizes(found.inputs, graph.input), found.outputs
    return ModelSignature(inputs, _with_free_sizes(outputs, graph.output))


def _with_free_sizes(schema: Schema, values: Any) -> Schema:
    """Return the schema with -1 for each size that is no constant of the graph's values."""
    from mlflow.types import Schema, TensorSpec

    shapes = {
        value.name: [
            size.dim_value if size.HasField("dim_value") else -1
            for size in value.type.tensor_type.shape.dim
        ]
        for value in values
    }
    only = next(iter(shapes.values()))  # the input of a plain classifier has no name in MLflow
    return Schema(
        [TensorSpec(one.type, tuple(shapes.get(one.name, only)), one.name) for one in schema.inputs]
    )


@contextmanager
def _environment_kept() -> Iterator[None]:
    """Restore the environment afterwards: MLflow stores its location there for child processes."""
    before = {name: value for name, value in os.environ.items() if name.startswith("MLFLOW_")}
    try:
        yield
    finally:
        for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
            del os.environ[name]
        os.environ.update(before)


def _describe(client: MlflowClient, registration: Registration, number: int) -> None:
    client.update_model_version(registration.name, str(number), registration.description)
    client.set_registered_model_alias(registration.name, ALIAS, str(number))
    for name, value in registration.metrics.items():
        client.set_model_version_tag(registration.name, str(number), name, f"{value:g}")
