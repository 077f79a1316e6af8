"""`pick` for tasks of several inputs: every installed format gives the same from its own files."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from paretoprune import load_model
from paretoprune.formats.registry import FORMATS, check_installed
from paretoprune.errors import ExportError
from tests.kits.commands import OWN, Run, run_latency, run_pick, run_train

COMMON = (
    "data=npz",
    f"trust=[{OWN}]",
    "model.train.epochs=4",
    "model.train.learning_rate=0.05",
    "finetune.epochs=1",
    "finetune.tune_learning_rate=false",
    "search=random",
    "search.n_trials=3",
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
    "ink": (
        "task._target_=tests.kits.regression.Ink",
        "model._target_=tests.kits.regression.Net",
        "data._target_=tests.kits.regression.Images",
    ),
}


def installed() -> list[str]:
    found = []
    for name in FORMATS:
        try:
            check_installed(name)
        except ExportError:
            continue
        found.append(name)
    return found


@pytest.fixture(scope="module", params=TASKS)
def delivered(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    name = request.param
    place = tmp_path_factory.mktemp(name)
    swept = run_train(place, *TASKS[name], *COMMON, f"name={name}")
    assert swept.code == 0, swept.err
    formats = ",".join([*installed(), "compact", "onnx_int8"])
    picked = run_pick(place, name, "rule=cheapest", f"format={formats}", f"trust=[{OWN}]")
    assert picked.code == 0, picked.err
    [folder] = (place / "sweeps" / name / "picked").iterdir()
    return name, place, folder, picked


def test_x(delivered: Any) -> None:
    name, place, folder, picked = delivered
    print(picked.out)
    print((folder / "README.md").read_text())
    print((folder / "inputs.json").read_text())
    print((folder / "metrics.json").read_text())
    print(sorted(p.name for p in folder.iterdir()))
