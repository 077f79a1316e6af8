"""Reading a dense model's weights from a file without running any code that the file may hold."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from paretoprune.errors import WeightsError

_SHOWN = 5  # of the keys that do not fit


def load_weights(model: nn.Module, path: str | Path) -> None:
    """Fill `model` with the tensors of a .safetensors, .pt or .pth file, which must fit exactly.

    A .pt or .pth file holds a `state_dict()`, or a dict with one under "state_dict" or "model". A
    prefix "module." on all the keys (data-parallel training) is taken off. Raises WeightsError
    if the file is missing, damaged or does not fit.
    """
    path = Path(path)
    tensors = _without_prefix(_read(path))
    mismatch = _mismatch(model.state_dict(), tensors)
    if mismatch:
        raise WeightsError(
            f"weights {path} do not fit the model: {'; '.join(mismatch)}; "
            "choose the `model` that they were trained for, or other `model.weights`"
        )
    # Not strict: older files lack BatchNorm's counters of batches, which nothing here needs.
    model.load_state_dict(tensors, strict=False)


def _read(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise WeightsError(f"weights {path} are missing: there is no such file")
    if path.suffix == ".safetensors":
        try:
            tensors: dict[str, Tensor] = load_file(path)
            return tensors
        except (SafetensorError, OSError) as error:
            raise _damaged(path) from error
    if path.suffix in (".pt", ".pth"):
        return _state_dict_in(path, _read_torch(path))
    raise WeightsError(
        f"weights {path} must be a .safetensors, .pt or .pth file, got {path.suffix!r}"
    )


def _read_torch(path: Path) -> object:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "GLOBAL" in str(error):
            raise WeightsError(
                f"weights {path} hold Python objects, not only tensors, and opening them could "
                "run code; where they were made, save `model.state_dict()` instead of `model`"
            ) from error
        raise _damaged(path) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> WeightsError:
    # Without the cause's own text: torch's advises to open the file with `weights_only=False`.
    return WeightsError(
        f"weights {path} cannot be read: the file is truncated or of another kind than its name "
        "says; fetch or save it again"
    )


def _state_dict_in(path: Path, content: object) -> dict[str, Tensor]:
    for name in ("state_dict", "model"):
        if isinstance(content, Mapping) and isinstance(content.get(name), Mapping):
            content = content[name]
    if not isinstance(content, Mapping) or not _only_tensors(content):
        raise WeightsError(
            f"weights {path} must hold a dict of tensors by name, as `model.state_dict()` gives"
        )
    return dict(content)


def _only_tensors(content: Mapping[Any, Any]) -> bool:
    return all(isinstance(k, str) and isinstance(v, Tensor) for k, v in content.items())


def _without_prefix(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    if all(name.startswith("module.") for name in tensors):
        return {name.removeprefix("module."): tensor for name, tensor in tensors.items()}
    return tensors


def _mismatch(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> list[str]:
    missing = [n for n in expected if n not in found and not n.endswith("num_batches_tracked")]
    unexpected = [name for name in found if name not in expected]
    misshapen = [
        f"{name} {tuple(found[name].shape)} instead of {tuple(tensor.shape)}"
        for name, tensor in expected.items()
        if name in found and found[name].shape != tensor.shape
    ]
    kinds = {"missing": missing, "unexpected": unexpected, "misshapen": misshapen}
    return [f"{len(keys)} {kind} ({_first(keys)})" for kind, keys in kinds.items() if keys]


def _first(keys: list[str]) -> str:
    return ", ".join(keys[:_SHOWN]) + (", ..." if len(keys) > _SHOWN else "")
