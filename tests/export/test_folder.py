"""Exporting: whole or not at all, bit for bit, and never over somebody's own files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from paretoprune.errors import PickError
from paretoprune.export.folder import draft_of, preprocessing_json, write_model
from paretoprune.results import DataInfo, Preprocessing
from paretoprune.storage.atomic import write_json, write_text

ALL = {
    "model.safetensors",
    "plan.json",
    "groups.json",
    "data.json",
    "preprocessing.json",
    "metrics.json",
    "config.yaml",
    "README.md",
}


def export(folder: Path, *, seed: int = 0, metrics: Any = None) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    whole = torch.randn(6, 4, generator=generator)
    state = {
        "weight": whole,
        "same": whole,  # shares its memory
        "turned": whole.t(),  # lies in another order
        "count": torch.tensor(seed),
    }
    with draft_of(folder) as draft:
        write_model(
            draft,
            model_state=state,
            plan_json='{"removed": {}}',
            groups_json="[]",
            data_json="{}",
            config_yaml="seed: 0\n",
        )
        write_json(draft / "preprocessing.json", {})
        write_json(draft / "metrics.json", {"accuracy": 97.25} if metrics is None else metrics)
        write_text(draft / "README.md", "# card\n")
    return state


def test_an_export_holds_everything_bit_for_bit(tmp_path: Path) -> None:
    state = export(tmp_path / "deep" / "model")
    folder = tmp_path / "deep" / "model"
    assert {path.name for path in folder.iterdir()} == ALL
    loaded = load_file(folder / "model.safetensors")
    assert loaded.keys() == state.keys()
    assert all(torch.equal(loaded[name], state[name]) for name in state)
    assert json.loads((folder / "metrics.json").read_text()) == {"accuracy": 97.25}
    assert (folder / "README.md").read_text() == "# card\n"
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


def test_an_earlier_export_is_replaced(tmp_path: Path) -> None:
    export(tmp_path / "model", seed=1)
    export(tmp_path / "model", seed=2)
    assert load_file(tmp_path / "model" / "model.safetensors")["count"] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_failure_leaves_the_earlier_export_and_nothing_else(tmp_path: Path) -> None:
    export(tmp_path / "model", seed=1)
    with pytest.raises(TypeError):
        export(tmp_path / "model", seed=2, metrics={"accuracy": object()})
    assert load_file(tmp_path / "model" / "model.safetensors")["count"] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_an_empty_folder_is_used(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    export(tmp_path / "model")
    assert {path.name for path in (tmp_path / "model").iterdir()} == ALL


@pytest.mark.parametrize("names", [["thesis.tex"], [*ALL, "notes.txt"], ["README.md"]])
def test_what_is_no_export_is_never_replaced(tmp_path: Path, names: list[str]) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for name in names:
        (folder / name).write_text("mine")
    with pytest.raises(PickError, match="is not an exported model"):
        export(folder)
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)
    assert all(path.read_text() == "mine" for path in folder.iterdir())


def test_a_file_in_the_way_is_reported(tmp_path: Path) -> None:
    (tmp_path / "model").write_text("mine")
    with pytest.raises(PickError, match="is a file"):
        export(tmp_path / "model")


INFO = DataInfo(3, (3, 8, 6), 10, 10, 10, "", class_names=("cat", "dog", "owl"))


def test_preprocessing_names_input_output_and_classes() -> None:
    content = preprocessing_json(INFO, Preprocessing(255.0, (0.5,) * 3, (0.2,) * 3, "RGB"))
    assert content["input"] == {"name": "input", "shape": ["batch", 3, 8, 6], "dtype": "float32"}
    assert content["output"]["shape"] == ["batch", 3]
    assert (content["scale"], content["channel_order"]) == (255.0, "RGB")
    assert content["classes"] == ["cat", "dog", "owl"]


def test_unknown_preprocessing_is_said_to_be_unknown() -> None:
    content = preprocessing_json(DataInfo(2, (1, 4), 1, 1, 1, ""), None)
    assert "does not tell" in content["unknown"]
    assert content["classes"] == ["0", "1"]
