"""A user's own model and data in a folder: a file of images and a package with the network."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from paretoprune.config.load import load_settings
from paretoprune.config.settings import Settings
from tests.config.test_load import composed
from tests.kits.commands import TINY

NET = """
from torch import nn
from own_net.block import Block
from own_net.constants import SLOPE

class Net(nn.Module):
    def __init__(self, num_classes, in_channels):
        super().__init__()
        self.block = Block(in_channels, 6)
        self.head = nn.Linear(6, num_classes)

    def forward(self, images):
        return self.head(nn.functional.leaky_relu(self.block(images), SLOPE).mean((2, 3)))
"""
BLOCK = """
from torch import nn

class Block(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.first = nn.Conv2d(inputs, 4, 3, padding=1)
        self.second = nn.Conv2d(4, outputs, 3, padding=1)

    def forward(self, images):
        return self.second(self.first(images).relu())
"""
FACTORY = """
from own_net.net import Net

def make(num_classes, in_channels):
    return Net(num_classes, in_channels)
"""
PACKAGE = {
    "__init__.py": "",
    "net.py": NET,
    "block.py": BLOCK,
    "factory.py": FACTORY,
    "constants.py": "SLOPE = 0.1\n",
}
DATA = Path("images.npz")


@contextmanager
def own_task(folder: Path) -> Iterator[None]:
    """Create them in a folder and make the package importable."""
    write_task(folder)
    sys.path.insert(0, str(folder))
    forget()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        forget()


def write_task(folder: Path) -> None:
    """Write the package `own_net` and 48 training, 16 validation and 16 test images of
    2 classes."""
    (folder / "own_net").mkdir()
    for name, text in PACKAGE.items():
        (folder / "own_net" / name).write_text(text)
    rng = np.random.default_rng(0)
    arrays = {}
    for part, count in (("train", 48), ("val", 16), ("test", 16)):
        labels = np.arange(count) % 2
        images = rng.integers(0, 100, (count, 6, 6), dtype=np.uint8) + 150 * labels[:, None, None]
        arrays |= {f"x_{part}": images.astype(np.uint8), f"y_{part}": labels}
    np.savez(folder / DATA, **arrays)


def edit(folder: Path, name: str, old: str, new: str) -> None:
    """Change a file of the package, like an editor between two commands."""
    path = folder / "own_net" / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    forget()


def mend(folder: Path, name: str, index: int = 0) -> None:
    """Change one entry of one array of the data."""
    arrays = dict(np.load(folder / DATA))
    array = arrays[name]
    array[index] = 1 - array[index] if name[0] == "y" else 255 - array[index]
    np.savez(folder / DATA, **arrays)


def forget() -> None:
    """Unload the package, so that it is imported again as in a new process."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "own_net"]:
        del sys.modules[name]
    importlib.invalidate_caches()


def settings_of(folder: Path, *overrides: str) -> Settings:
    """Return settings that train the network for two epochs."""
    given = {value.partition("=")[0] for value in overrides}
    values = [
        *(value for value in TINY if value.partition("=")[0] not in {*given, "trust"}),
        f"cache_dir={folder / 'cache'}",
        f"data.path={folder / DATA}",
        *overrides,
    ]
    values = [value for value in values if value != "model.width=8"]
    if "model._target_" not in given:
        values.append("model._target_=own_net.net.Net")
    options = [one for one in values if one.startswith("sparse_training=")]
    plain = ("tracking=none", "data=npz", *options)
    chosen = [*plain, *(f"++{value}" for value in values if value not in plain)]
    chosen = [value for value in chosen if not value.startswith("++model._target_=tests.")]
    return load_settings(composed(*chosen), trust=("own_net", "tests.kits"))
