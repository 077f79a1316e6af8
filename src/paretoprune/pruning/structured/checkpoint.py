"""Checkpoints of pruned models: safetensors, without pickle, loaded completely or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from paretoprune.errors import WeightsError
from paretoprune.storage.atomic import write_bytes
from paretoprune.storage.foreign.bounded import check_names


def save_state(path: Path, model: nn.Module) -> None:
    """Write the model's state dict as safetensors, atomically."""
    state = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in model.state_dict().items()
    }
    write_bytes(path, save(state))


def load_state(model: nn.Module, path: Path) -> None:
    """Load weights written by `save_state`, bit-identically, into a model of the same shapes.

    Raises:
        WeightsError: the file is missing or damaged, or does not fit the model exactly.
    """
    try:
        check_names(path)
        state = load_file(path)
    except FileNotFoundError:
        raise WeightsError(f"there is no weights file {path}") from None
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise WeightsError(f"the weights file {path} is damaged: {error}") from error
    fit_state(model, state, path)


def fit_state(model: nn.Module, state: Mapping[str, Tensor], path: Path) -> None:
    """Load a state that was read from `path` into the model.

    Raises:
        WeightsError: it does not fit the model exactly.
    """
    _check_fit(model.state_dict(), state, path)
    model.load_state_dict(state)


def _check_fit(expected: Mapping[str, Tensor], state: Mapping[str, Tensor], path: Path) -> None:
    for names, problem in (
        (expected.keys() - state.keys(), "lacks"),
        (state.keys() - expected.keys(), "has, beyond those of the model,"),
    ):
        if names:
            first = ", ".join(sorted(names)[:3])
            raise WeightsError(f"the weights file {path} {problem} {len(names)} tensors: {first}")
    for name, tensor in expected.items():
        if (tensor.shape, tensor.dtype) != (state[name].shape, state[name].dtype):
            raise WeightsError(
                f"the weights file {path} does not fit the model: `{name}` is "
                f"{tuple(state[name].shape)} of {state[name].dtype} there, "
                f"{tuple(tensor.shape)} of {tensor.dtype} in the model"
            )
