"""`pick` for tasks of several inputs and outputs: every installed format, from its own files."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from paretoprune import load_model
from paretoprune.errors import ExportError
from paretoprune.formats.registry import FORMATS, check_installed
from tests.kits.commands import OWN, Run, run_latency, run_pick, run_train
from tests.kits.several_inputs import Towers, Words, example

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

COMMON = (
    "data=npz",
    f"trust=[{OWN}]",
    "model.train.epochs=2",
    "model.train.learning_rate=0.05",
    "finetune.epochs=1",
    "finetune.tune_learning_rate=false",
    "search=random",
    "search.n_trials=2",
    "search.baseline_ratios=[0.5]",
    "sparsity.divisor=1",
    "measure.latency=false",
    "tracking=none",
)
KITS = "tests.kits.several_inputs"
TASKS = {
    "ratings": (
        f"task._target_={KITS}.Ratings",
        f"model._target_={KITS}.Towers",
        f"data._target_={KITS}.RatingData",
    ),
    "words": (
        "task=classification",
        f"model._target_={KITS}.Words",
        f"data._target_={KITS}.WordData",
    ),
}
INPUTS = {"ratings": ["user", "item"], "words": ["input_ids", "attention_mask"]}
Exported = tuple[str, Path, Run]


def installed() -> Iterator[str]:
    """Yield the formats whose packages are there."""
    for name in FORMATS:
        try:
            check_installed(name)
        except ExportError:
            continue
        yield name


def formats_of(name: str) -> list[str]:
    """Return the formats that a task is exported to: all for one of them, to save time."""
    return [one for one in installed() if name == "words" or one == "onnx"]


@pytest.fixture(scope="module", params=TASKS)
def exported(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path, Run]:
    """A task's name, the folder of its picked model, and what `pick` printed."""
    name: str = request.param
    place = tmp_path_factory.mktemp(name)
    swept = run_train(place, *TASKS[name], *COMMON, f"name={name}")
    assert swept.code == 0, swept.err
    formats = ",".join([*formats_of(name), "compact", "onnx_int8"])
    picked = run_pick(place, name, "rule=cheapest", f"format={formats}")
    assert picked.code == 0, picked.err
    [folder] = (place / "sweeps" / name / "picked").iterdir()
    return name, folder, picked


def test_every_format_gives_what_was_measured(exported: Exported) -> None:
    task, folder, _ = exported
    files = {
        one["format"]: one for one in json.loads((folder / "metrics.json").read_text())["files"]
    }
    for name in ("safetensors", "compact", *formats_of(task)):
        assert files[name]["reason"] is None and files[name]["difference"] < 1e-4
    int8 = files["onnx_int8"]
    assert int8["reason"] is None and int8["difference"] < 1e-4 and int8["numerics"]


def test_the_inputs_are_described_by_their_names(exported: Exported) -> None:
    name, folder, _ = exported
    about = json.loads((folder / "inputs.json").read_text())
    assert [one["name"] for one in about["inputs"]] == INPUTS[name]
    assert {one["dtype"] for one in about["inputs"]} == {"int64"}
    assert ("classes" in about) == (name == "words")
    assert not (folder / "preprocessing.json").exists()
    if name == "ratings":
        assert about["inputs"][0]["meaning"] == "number of the user"
        assert [one["name"] for one in about["outputs"]] == ["rating", "vector"]


def test_the_weights_are_loaded_in_one_line(exported: Exported) -> None:
    name, folder, _ = exported
    model = load_model(folder, trust=[OWN])
    assert isinstance(model, Towers if name == "ratings" else Words)
    with torch.inference_mode():
        assert example(model).run(model) is not None


def test_the_code_of_the_card_runs(exported: Exported) -> None:
    name, folder, _ = exported
    card = (folder / "README.md").read_text()
    codes = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    assert len(codes) == 1 + len(formats_of(name))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([*sys.path, str(Path.cwd())])}
    for code in codes:
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=folder,
            env=environment,
            check=True,
            capture_output=True,
        )


def test_the_words_are_those_of_the_task(exported: Exported) -> None:
    name, folder, picked = exported
    card = (folder / "README.md").read_text()
    assert ("accuracy" in card + picked.out) == (name == "words")
    assert ("recall" in card) == (name == "words")
    if name == "ratings":
        assert "of the mae" in card and "(bootstrap)" in card
        assert len(json.loads((folder / "metrics.json").read_text())["test"]["over_trivial"]) == 2


def test_what_it_costs_to_run_is_measured_on_inputs_like_the_datas(exported: Exported) -> None:
    name, folder, _ = exported
    place = folder.parents[3]
    run = run_latency(place, str(folder), "repeats=2", "engine=onnxruntime")
    assert run.code == 0, run.err
    assert run_latency(place, name, "repeats=2").code == 0
