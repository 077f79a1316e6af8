"""Sources: a model and data that are objects, and the code that they depend on."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from unittest import mock

import pytest
import torch
from lightning import LightningDataModule
from torch import nn

from paretoprune.data import digits
from paretoprune.errors import SettingsError
from paretoprune.problem.fingerprint import main_classes
from paretoprune.problem.sources import Given

_SCRIPT = """
from torch import nn
{more}

class Net(nn.Sequential):
    factor = {factor}

model = Net(nn.Linear(2, 2))
"""


def test_the_model_is_copied_each_time() -> None:
    model = nn.Linear(2, 2)
    sources = Given(model, digits())
    first, second = sources.model({}), sources.model({})
    assert first is not model and first is not second
    assert torch.equal(first.weight, model.weight)  # type: ignore[arg-type]
    assert sources.model_name == "Linear"


def test_a_model_that_cannot_be_copied_is_reported() -> None:
    model = nn.Linear(2, 2)
    model.cached = model(torch.ones(1, 2))  # type: ignore[assignment]  # no leaf of autograd's
    with pytest.raises(SettingsError, match=r"a Linear, cannot be copied \(copy\.deepcopy\)"):
        Given(model, LightningDataModule()).model({})


def test_of_a_script_its_classes_count_and_not_the_lines_around_them(tmp_path: Path) -> None:
    first = classes_of(tmp_path / "first.py", _SCRIPT.format(factor=1, more=""))
    longer = classes_of(tmp_path / "longer.py", _SCRIPT.format(factor=1, more="budget = '2h'"))
    other = classes_of(tmp_path / "other.py", _SCRIPT.format(factor=2, more=""))
    assert set(first) == {"__main__.Net"}
    assert first == longer != other


def classes_of(file: Path, text: str) -> dict[str, str]:
    """Digests of the classes of a script, while it runs."""
    file.write_text(text)
    script = ModuleType("__main__")
    script.__file__ = str(file)
    with mock.patch.dict(sys.modules, {"__main__": script}):
        exec(compile(text, str(file), "exec"), vars(script))
        return main_classes(script.model, LightningDataModule())
