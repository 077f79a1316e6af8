"""conf/data: every file names exactly the options that its function has, and which ones differ."""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from paretoprune import data

FOLDER = Path(__file__).parents[2] / "conf" / "data"
FILES = sorted(set(FOLDER.glob("*.yaml")) - {FOLDER / "own.yaml"})  # `own` names no data
FILLED_IN = {"seed", "pretrained"}  # by the program
SAMPLES = "paretoprune.data.samples."
KINDS = tuple(f"paretoprune.data.{kind}." for kind in ("generated", "samples", "text"))


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
        "digit_targets",
        "digits",
        "docstring_characters",
        "docstring_classes",
        "fashion_mnist",
        "imagefolder",
        "masks",
        "mnist",
        "npz",
        "ratings",
        "series",
        "svhn",
        "table",
        "texts",
        "tokens",
    ]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_keys_are_the_options(file: Path) -> None:
    content = load(file.stem)
    package, _, name = content.pop("_target_").rpartition(".")
    assert package == "paretoprune.data" or package.startswith(KINDS)
    options = inspect.signature(getattr(import_module(package), name)).parameters
    filled_in = FILLED_IN - {"pretrained"} if package.startswith(SAMPLES) else FILLED_IN
    assert options.keys() >= filled_in
    assert content.keys() == options.keys() - FILLED_IN
    if package == "paretoprune.data":
        assert content.get("name", file.stem) == file.stem
        return
    for key, default in ((key, options[key].default) for key in content):
        given = tuple(content[key]) if isinstance(content[key], list) else content[key]
        assert given == ("???" if default is inspect.Parameter.empty else default)


def test_the_default_set_is_built_from_its_file() -> None:
    content = load("digits")
    del content["_target_"]
    assert data.digits(**content).info == data.digits().info
