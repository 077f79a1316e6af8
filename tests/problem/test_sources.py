"""Sources: a model and data that are objects, and the code that they depend on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from lightning import LightningDataModule
from torch import nn

from paretoprune.data import digits
from paretoprune.errors import SettingsError
from paretoprune.problem.sources import Given
from paretoprune.results import DataInfo

INFO = DataInfo(10, (1, 8, 8), 1, 1, 1, "as given")
_SCRIPT = """
from lightning import LightningDataModule
from torch import nn
from paretoprune.problem.fingerprint import main_classes

class Net(nn.Sequential):
    factor = {factor}

print(main_classes(Net(nn.Linear(2, 2)), LightningDataModule()){more})
"""


def test_the_model_is_copied_each_time() -> None:
    model = nn.Linear(2, 2)
    sources = Given(model, digits())
    first, second = sources.model(INFO), sources.model(INFO)
    assert first is not model and first is not second
    assert torch.equal(first.weight, model.weight)  # type: ignore[arg-type]
    assert sources.model_name == "Linear"


def test_a_model_that_cannot_be_copied_is_told() -> None:
    model = nn.Linear(2, 2)
    model.cached = model(torch.ones(1, 2))  # type: ignore[assignment]  # no leaf of autograd's
    with pytest.raises(SettingsError, match=r"a Linear, cannot be copied \(copy\.deepcopy\)"):
        Given(model, LightningDataModule()).model(INFO)


def test_of_a_script_its_classes_count_and_not_the_lines_around_them(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    found = []
    for factor, more in ((1, ""), (1, "  # a longer budget"), (2, "")):
        script.write_text(_SCRIPT.format(factor=factor, more=more))
        command = [sys.executable, "-W", "ignore", str(script)]
        found.append(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert "'__main__.Net'" in found[0]
    assert found[0] == found[1] != found[2]
