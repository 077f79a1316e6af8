"""Weights of a dense model from a file, loaded without running any code in the file."""

from __future__ import annotations

import logging
import pickle
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from paretoprune.errors import WeightsError
from paretoprune.storage.foreign.bounded import check_names

_log = logging.getLogger(__name__)

_SHOWN = 5  # mismatching keys listed in a message
_TORCH = (".pt", ".pth", ".ckpt", ".bin")
_MISSING = "are missing: there is no such file"
_COMPILED = "_orig_mod"


def load_weights(model: nn.Module, path: str | Path) -> None:
    """Load the tensors of a weights file into `model`; they must fit exactly.

    A .pt, .pth, .ckpt or .bin file holds a `state_dict()`, or dicts around it as in checkpoints of
    trainers. A common prefix of the names of all the model's tensors, such as "state_dict",
    "model.", "module." or "_orig_mod.", is detected and logged; other entries are ignored.

    Raises:
        WeightsError: the file is missing or damaged, or does not fit.
    """
    path = Path(path)
    expected = model.state_dict()
    tensors = _under_prefix(_read(path), expected, path)
    mismatch = _mismatch(expected, tensors)
    if mismatch:
        raise WeightsError(
            f"weights {path} do not fit the model: {'; '.join(mismatch)}; "
            "choose the `model` that they were trained for, or other `model.weights`"
        )
    # Not strict: older files lack BatchNorm's `num_batches_tracked`, which is not used here.
    model.load_state_dict(tensors, strict=False)


def _read(path: Path) -> dict[str, Tensor]:
    """Return the tensors of the file by name; names in nested dicts are joined by dots."""
    if path.is_dir():
        raise WeightsError(
            f"weights {path} are a folder, and must be a file: .safetensors, .pt, .pth, .ckpt, .bin"
        )
    if not path.is_file():
        address = str(path).startswith(("http:/", "https:/"))
        problem = "are an address; download them, and give the file" if address else _MISSING
        raise WeightsError(f"weights {path} {problem}")
    if path.suffix == ".safetensors":
        try:
            check_names(path)
            tensors: dict[str, Tensor] = load_file(path)
            return tensors
        except (SafetensorError, OSError, ValueError, RecursionError) as error:
            raise _damaged(path) from error
    if path.suffix in _TORCH:
        content = _read_torch(path)
        tensors = _flat(content) if isinstance(content, Mapping) else {}
        if not tensors:
            raise WeightsError(
                f"weights {path} must hold a dict of tensors by name, as `model.state_dict()` gives"
            )
        return tensors
    raise WeightsError(
        f"weights {path} must be a .safetensors, .pt, .pth, .ckpt or .bin file, got {path.suffix!r}"
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
    # Without torch's own message, which advises to open the file with `weights_only=False`.
    return WeightsError(
        f"weights {path} cannot be read: the file is truncated or of another kind than its name "
        "says; fetch or save it again"
    )


def _flat(content: Mapping[Any, Any]) -> dict[str, Tensor]:
    """Return all tensors in nested dicts with string keys; an optimizer's have integer keys."""
    tensors: dict[str, Tensor] = {}
    for name, value in content.items():
        if isinstance(name, str) and isinstance(value, Tensor):
            tensors[name] = value
        elif isinstance(name, str) and isinstance(value, Mapping):
            tensors |= {f"{name}.{inner}": tensor for inner, tensor in _flat(value).items()}
    return tensors


def _under_prefix(
    tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor], path: Path
) -> dict[str, Tensor]:
    """Return the tensors under the best matching prefix, without the prefix."""
    matches = Counter(prefix for name in tensors for prefix in _prefixes(name, expected))
    most = max(matches.values(), default=0)
    found = [prefix for prefix, count in matches.items() if count == most]
    prefix = "" if "" in found or not found else found[0]
    if prefix:
        _log.info("loading the weights in %s under the prefix `%s`", path, prefix)
    if found[1:]:
        others = ", ".join(one or "no prefix" for one in found if one != prefix)
        _log.warning("%s also has matching weights under %s", path, others)
    return {
        _plain(name.removeprefix(prefix), expected): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }


def _prefixes(name: str, expected: Mapping[str, Tensor]) -> Iterator[str]:
    """Yield prefixes of the name that are followed by an expected name."""
    parts = name.split(".")
    for number, part in enumerate(parts):
        rest = ".".join(parts[number:])
        if rest in expected or (part != _COMPILED and _plain(rest, expected) in expected):
            yield "".join(f"{one}." for one in parts[:number])


def _plain(name: str, expected: Mapping[str, Tensor]) -> str:
    """Remove the name parts that `torch.compile` adds, unless the model's names have them."""
    if name in expected:
        return name
    return ".".join(part for part in name.split(".") if part != _COMPILED)


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
