"""The source files that a class depends on: all of the user's own, and none that are installed."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import paretoprune
from paretoprune.storage.source_code import own_version, source_of

FILES = {
    "own_pack/__init__.py": "",
    "own_pack/net.py": (
        "import torch, json\nfrom timm import create_model\n"
        "from . import blocks\nfrom .widths import (  # how (wide)\n    WIDTH,\n)\n"
        "def late():\n    import own_late.helper as helper\n    return helper\n"
    ),
    "own_pack/blocks.py": "from own_pack.sub import *\n",
    "own_pack/widths.py": "WIDTH = 8\n",
    "own_pack/sub/__init__.py": "import importlib\nfound = importlib.import_module('own_named')\n",
    "own_pack/unused.py": "",
    "own_late/__init__.py": "raise RuntimeError('packages are not imported to find their files')\n",
    "own_late/helper.py": "",
    "own_named.py": "",
}
REACHED = {
    *("own_late", "own_late.helper", "own_named", "own_pack", "own_pack.blocks", "own_pack.net"),
    *("own_pack.sub", "own_pack.widths"),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("own_")]:
        del sys.modules[name]


def test_all_that_is_imported_counts_and_nothing_is_run(folder: Path) -> None:
    found = source_of(["own_pack.net"])
    assert set(found.digests) == REACHED
    assert found.versions.keys() >= {"torch", "timm"}
    assert not any(name.startswith("own_") for name in sys.modules)


@pytest.mark.parametrize("name", sorted(FILES))
def test_every_file_that_is_reached_counts_whole(folder: Path, name: str) -> None:
    before = source_of(["own_pack.net"]).digests
    with (folder / name).open("a") as stream:
        stream.write("\nLATER = 1\n")
    after = source_of(["own_pack.net"]).digests
    module = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    changed = [each for each in after if after[each] != before[each]]
    assert changed == ([module] if module in REACHED else [])


def test_loaded_or_not_the_files_are_the_same(folder: Path) -> None:
    before = source_of(["own_pack.widths", "own_named"])
    importlib.import_module("own_pack.widths")
    assert source_of(["own_pack.widths", "own_named"]) == before


def test_installed_code_is_known_by_its_version() -> None:
    import torch

    found = source_of(["torch.nn.modules.conv", "torchvision.models.resnet", "os", "builtins"])
    assert found.digests == {}
    assert found.versions["torch"] == torch.__version__.partition("+")[0]
    assert found.versions.keys() == {"torch", "torchvision"}


def test_our_own_code_counts_as_far_as_it_is_needed() -> None:
    groups = own_version("paretoprune.pruning.dependency.find")["paretoprune"]
    installed = "site-packages" in str(paretoprune.__file__)
    assert ("+" in groups) is not installed
    assert installed or groups != own_version("paretoprune.errors")["paretoprune"]
