"""Model and data that are objects of this process, as settings and sources of a sweep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning import LightningDataModule
from safetensors.torch import save
from torch import Tensor, nn

from paretoprune.config.callables import trusted_packages
from paretoprune.config.compose import compose_options
from paretoprune.config.load import load_settings
from paretoprune.config.settings import Settings
from paretoprune.config.variants import spelled
from paretoprune.data.given import GivenData, as_datamodule
from paretoprune.errors import SettingsError
from paretoprune.metrics import register
from paretoprune.problem.sources import Given
from paretoprune.storage.atomic import write_bytes
from paretoprune.storage.fingerprint import digest_bytes
from paretoprune.tasks.interface import Task

_NUM_DIGITS = 16  # of a digest, in the name of a file


@dataclass(frozen=True)
class Job:
    """A sweep of objects: checked settings, their plain form, and the objects."""

    settings: Settings
    config: Mapping[str, Any]
    sources: Given


def job_of(model: nn.Module, data: GivenData, options: Mapping[str, object]) -> Job:
    """Check the settings of a sweep of objects, and keep the model's weights in the cache.

    `options` are those of `paretoprune.config.compose.compose_options`; `task` may be an object.
    The weights count as `model.weights`, so that the dense model is not trained.

    Raises SettingsError for settings that are wrong or need another process to build the model,
    DataError for data that are no data module and no loaders.
    """
    datamodule = as_datamodule(data)
    _check_model(model)
    _refuse_overridden(options)
    task = task_of(options)
    trust = trusted_packages(options.get("trust", ()))  # type: ignore[arg-type]
    texts = {name: value for name, value in options.items() if name != "task" or task is None}
    config = compose_options({"tracking": "none", **texts})
    cache = Path(str(config["cache_dir"]))
    weights = cache / "given" / f"{_digest(model)}.safetensors"
    config = _with_objects(config, model, datamodule, weights)
    if task is not None:
        config["task"] = {"_target_": "paretoprune.tasks.given.given_task", "text": repr(task)}
    settings = load_settings(config, trust=trust)
    _check_executor(settings)
    _keep_weights(model, weights)
    return Job(settings, config, Given(model, datamodule, task))


def task_of(options: Mapping[str, object]) -> Task | None:
    """Return the task that was given as an object, if it was; its qualities are registered."""
    task = options.get("task")
    if not isinstance(task, Task):
        return None
    for quality in task.qualities:
        register(quality)
    return task


def _with_objects(
    config: Mapping[str, Any], model: nn.Module, data: LightningDataModule, weights: Path
) -> dict[str, Any]:
    return {
        **config,
        "model": {
            "_target_": "paretoprune.models.given.given_model",
            "class_name": type(model).__qualname__,
            "weights": str(weights),
        },
        "data": {
            "_target_": "paretoprune.data.given.given_data",
            "class_name": type(data).__qualname__,
        },
    }


def _refuse_overridden(options: Mapping[str, object]) -> None:
    """Raises SettingsError for settings of the model, data or task that are given as objects."""
    unused = [name for name in options if name.partition(".")[0] in ("model", "data")]
    if unused:
        names = ", ".join(f"`{name}`" for name in unused)
        raise SettingsError(
            [f"{names}: model and data are given as objects, which these settings do not change"]
        )


def _check_model(model: object) -> None:
    if not isinstance(model, nn.Module):
        raise SettingsError([f"`model` must be a torch.nn.Module, got {type(model).__name__}"])
    tensors = [*model.parameters(), *model.buffers()]
    if any(tensor.is_meta for tensor in tensors):
        raise SettingsError(
            ["`model` has tensors on the device `meta`, which hold no values: load its weights"]
        )
    if any(isinstance(t, nn.UninitializedParameter | nn.UninitializedBuffer) for t in tensors):
        raise SettingsError(
            [
                "`model` has lazy layers without weights: call it once on an example and train it, "
                "since its weights are those that are pruned"
            ]
        )


def _check_executor(settings: Settings) -> None:
    if not settings.executor.runs_in_process:
        name = spelled("executor", settings.executor.target)
        raise SettingsError(
            [
                f"{name} builds the model and the data again in other processes, which "
                "cannot be done with objects: name them by `_target_` in a config and run "
                f"`paretoprune train {name.strip(chr(96))}`, or leave `executor` out"
            ]
        )


def _keep_weights(model: nn.Module, file: Path) -> None:
    """Raises SettingsError where the cache cannot be written to."""
    try:
        if not file.is_file():
            write_bytes(file, save(_state(model)))
    except OSError as error:
        raise SettingsError(
            [f"the model's weights cannot be written to {file} ({error}); choose `cache_dir`"]
        ) from error


def _digest(model: nn.Module) -> str:
    return digest_bytes(save(_state(model)))[:_NUM_DIGITS]


def _state(model: nn.Module) -> dict[str, Tensor]:
    """Contiguous tensors that share no memory, as safetensors requires."""
    return {
        name: tensor.detach().cpu().contiguous().clone()
        for name, tensor in model.state_dict().items()
    }
