"""A picked model as a folder: weights without pickle, the plan, the figures and a model card."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paretoprune.errors import PickError
from paretoprune.files import write_bytes, write_json, write_text

if TYPE_CHECKING:
    from torch import Tensor

_WEIGHTS = "model.safetensors"
_FILES = frozenset(
    {
        _WEIGHTS,
        "plan.json",
        "groups.json",
        "data.json",
        "metrics.json",
        "config.yaml",
        "README.md",
    }
)


def export_model(
    folder: Path,
    *,
    model_state: Mapping[str, Tensor],
    plan_json: str,
    groups_json: str,
    data_json: str,
    metrics: Mapping[str, Any],
    config_yaml: str,
    card: str,
) -> None:
    """Write a model's folder, whole or not at all; an earlier export in its place is replaced.

    Raises:
        PickError: `folder` exists and is not an export of ours, which would be lost.
    """
    from safetensors.torch import save  # imports torch, which a reader of tables does not need

    check_replaceable(folder)
    draft = folder.with_name(f".{folder.name}.{os.getpid()}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        write_bytes(draft / _WEIGHTS, save(_separate(model_state)))
        write_text(draft / "plan.json", plan_json)
        write_text(draft / "groups.json", groups_json)
        write_text(draft / "data.json", data_json)
        write_json(draft / "metrics.json", metrics)
        write_text(draft / "config.yaml", config_yaml)
        write_text(draft / "README.md", card)
        _put_in_place(draft, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def check_replaceable(folder: Path) -> None:
    """Refuse a folder that holds anything but an export of ours.

    Raises:
        PickError: it does.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise PickError(f"`{folder}` is a file; name a folder that does not exist yet")
    present = {entry.name for entry in folder.iterdir()}
    foreign = sorted(present - _FILES)
    if foreign or (present and not {_WEIGHTS, "plan.json"} <= present):
        what = ", ".join(foreign[:3] or sorted(present)[:3])
        raise PickError(
            f"the folder `{folder}` exists and is not an exported model (it holds {what}); name "
            "another folder, or remove this one"
        )


def _separate(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors that share no memory and lie in order, as safetensors wants them."""
    return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in state.items()}


def _put_in_place(draft: Path, folder: Path) -> None:
    """Rename the draft; an earlier export is moved aside first, as a folder cannot be replaced."""
    if not folder.exists():
        draft.rename(folder)
        return
    aside = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    folder.rename(aside)
    draft.rename(folder)
    shutil.rmtree(aside)
