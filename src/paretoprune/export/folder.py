"""A picked model as a folder: weights without pickle, the plan, the figures and a model card."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paretoprune.errors import PickError
from paretoprune.formats.compact import COMPACT_FILE
from paretoprune.formats.format import INPUT, OUTPUT
from paretoprune.formats.registry import GRAPHS
from paretoprune.results import DataInfo, Preprocessing
from paretoprune.storage.atomic import write_bytes, write_text
from paretoprune.storage.folders import force_folder

if TYPE_CHECKING:
    from torch import Tensor

_UNKNOWN = "the data module does not tell what it does to an image; see the config"
WEIGHTS = "model.safetensors"
_NOT_GRAPHS = {"safetensors": (WEIGHTS,), "compact": (COMPACT_FILE,)}
_MODEL = "model."  # begins the name of every file of a format
_OURS = frozenset(
    {
        COMPACT_FILE,
        "plan.json",
        "groups.json",
        "data.json",
        "preprocessing.json",
        "inputs.json",
        "metrics.json",
        "config.yaml",
        "README.md",
    }
)


def files_of(name: str) -> tuple[str, ...]:
    """Return the names of the files of a format, relative to the export folder."""
    return _NOT_GRAPHS[name] if name in _NOT_GRAPHS else GRAPHS[name].files


@contextmanager
def draft_of(folder: Path) -> Iterator[Path]:
    """A folder beside, which takes the place of `folder` when the block ends without an error.

    An export is there whole or not at all; an earlier one in its place is replaced.

    Raises:
        PickError: `folder` exists and is not an export of ours, which would be lost.
    """
    check_replaceable(folder)
    draft = folder.with_name(f".{folder.name}.{os.getpid()}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        yield draft
        _put_in_place(draft, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def write_model(
    draft: Path,
    *,
    model_state: Mapping[str, Tensor],
    plan_json: str,
    groups_json: str,
    data_json: str,
    config_yaml: str,
) -> None:
    """All that `paretoprune.load_model` reads."""
    from safetensors.torch import save  # imports torch, which a reader of tables does not need

    write_bytes(draft / WEIGHTS, save(_separate(model_state)))
    write_text(draft / "plan.json", plan_json)
    write_text(draft / "groups.json", groups_json)
    write_text(draft / "data.json", data_json)
    write_text(draft / "config.yaml", config_yaml)


def preprocessing_json(info: DataInfo, preprocessing: Preprocessing | None) -> dict[str, Any]:
    """Return the preprocessing of an image and the meaning of the output, for any language."""
    names = info.class_names or tuple(str(number) for number in range(info.num_classes))
    return {
        "input": {"name": INPUT, "shape": ["batch", *info.input_shape], "dtype": "float32"},
        "output": {"name": OUTPUT, "shape": ["batch", info.num_classes], "dtype": "float32"},
        **(asdict(preprocessing) if preprocessing else {"unknown": _UNKNOWN}),
        "classes": list(names),
    }


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
    foreign = sorted(n for n in present - _OURS if not n.startswith(_MODEL))
    if foreign or (present and not {WEIGHTS, "plan.json"} <= present):
        what = ", ".join(foreign[:3] or sorted(present)[:3])
        raise PickError(
            f"the folder `{folder}` exists and is not an exported model (it holds {what}); name "
            "another folder, or remove this one"
        )


def _separate(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Contiguous tensors that share no memory, as safetensors requires."""
    return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in state.items()}


def _put_in_place(draft: Path, folder: Path) -> None:
    """Rename the draft; an earlier export is moved aside first, as a folder cannot be replaced."""
    if not folder.exists():
        draft.rename(folder)
        force_folder(folder.parent)
        return
    aside = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    folder.rename(aside)
    draft.rename(folder)
    force_folder(folder.parent)
    shutil.rmtree(aside)
