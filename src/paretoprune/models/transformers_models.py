"""Models of transformers from a local folder, as `save_pretrained` writes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from paretoprune.errors import SettingsError
from paretoprune.storage.atomic import read_json

_CONFIG = "config.json"
_WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
_PICKLED = ("pytorch_model.bin", "pytorch_model.bin.index.json")


def transformers_model(name: str, num_classes: int = 0) -> nn.Module:
    """Return the model in the folder `name`, of the class that its config.json states.

    With the weights of the folder, or untrained if it has none; of an untrained classifier,
    `num_classes` sets the labels. Nothing is downloaded, no code of the folder is run, and weights
    are read from safetensors only. The cache for generation is off.

    Raises:
        SettingsError: transformers is not installed, or the folder holds no such model.
    """
    transformers = _library()
    folder = Path(name)
    architecture = _architecture(folder, transformers)
    config = transformers.AutoConfig.from_pretrained(
        folder, local_files_only=True, trust_remote_code=False
    )
    config.use_cache = False
    if any((folder / one).is_file() for one in _WEIGHTS):
        model: nn.Module = architecture.from_pretrained(
            folder,
            config=config,
            local_files_only=True,
            use_safetensors=True,
            dtype=torch.float32,
        )
        return model
    if any((folder / one).is_file() for one in _PICKLED):
        raise _refused(
            f"{name} has weights that are pickled, which could run code; where they were made, "
            "call `model.save_pretrained(folder)`, which writes safetensors"
        )
    if num_classes and architecture.__name__.endswith("Classification"):
        config.num_labels = num_classes
    untrained: nn.Module = architecture(config)
    return untrained


def _library() -> Any:
    try:
        import transformers
    except ImportError as error:
        raise _refused(
            'it needs the package transformers: pip install "paretoprune[transformers]"'
        ) from error
    transformers.utils.logging.disable_progress_bar()
    return transformers


def _architecture(folder: Path, transformers: Any) -> Any:
    """Return the class of transformers that the folder's config.json names."""
    if not (folder / _CONFIG).is_file():
        raise _refused(
            f"`model.name` must be a local folder with a {_CONFIG}, as `save_pretrained` writes "
            f"it, got {str(folder)!r}; nothing is downloaded"
        )
    try:
        stated = read_json(folder / _CONFIG)
        names = stated.get("architectures") or []
    except (ValueError, AttributeError) as error:
        raise _refused(f"{folder / _CONFIG} is no JSON object: {error}") from error
    if "auto_map" in stated:
        raise _refused(f"{folder} needs code of its own (`auto_map`), which is not run")
    found = getattr(transformers, str(names[0]), None) if names else None
    if not isinstance(found, type) or not issubclass(found, transformers.PreTrainedModel):
        raise _refused(
            f"`architectures` in {folder / _CONFIG} must name a model of transformers, got {names}"
        )
    return found


def _refused(problem: str) -> SettingsError:
    return SettingsError([f"`model=transformers`: {problem}"])
