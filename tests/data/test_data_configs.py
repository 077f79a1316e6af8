"""conf/data: every file names exactly the options that its function has, and which ones differ."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
import yaml

from paretoprune import data

FOLDER = Path(__file__).parents[2] / "conf" / "data"
FILES = sorted(FOLDER.glob("*.yaml"))
FILLED_IN = {"seed", "pretrained"}  # by the program


def load(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())
    return content


def test_all_sets_have_a_file() -> None:
    names = [file.stem for file in FILES]
    assert names == [
        "cifar10",
        "cifar100",
        "digit_boxes",
        "digit_masks",
        "digits",
        "fashion_mnist",
        "imagefolder",
        "mnist",
        "npz",
        "svhn",
    ]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_keys_are_the_options(file: Path) -> None:
    content = load(file.stem)
    package, _, name = content.pop("_target_").rpartition(".")
    assert package == "paretoprune.data"
    options = inspect.signature(getattr(data, name)).parameters
    assert options.keys() >= FILLED_IN
    assert content.keys() == options.keys() - FILLED_IN
    assert content.get("name", file.stem) == file.stem


def test_the_default_set_is_built_from_its_file() -> None:
    content = load("digits")
    del content["_target_"]
    assert data.digits(**content).info == data.digits().info
