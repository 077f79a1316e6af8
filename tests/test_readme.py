"""The README's own example, run as it stands: a user's model and data, searched and picked."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import paretoprune
from tests.kits.commands import run_pick, run_train

README = (Path(__file__).resolve().parents[1] / "README.md").read_text()


@pytest.mark.slow
def test_ones_own_model_and_data(tmp_path: Path) -> None:
    model, data = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (tmp_path / "my_net.py").write_text(model)
    subprocess.run([sys.executable, "-c", data], cwd=tmp_path, check=True)
    [line] = [line for line in README.splitlines() if "name=mine" in line]
    arguments = shlex.split(line)[3:]
    done = run_train(tmp_path, *arguments, "threads=1")
    assert done.code == 0, done.err
    table = paretoprune.load_sweep(tmp_path / "sweeps" / "mine")
    assert (table["origin"] == "chain").any()
    assert (tmp_path / "mlflow.db").is_file()
    assert run_pick(tmp_path, "mine").code == 0


def test_the_quick_start_is_two_commands() -> None:
    commands = [line for line in README.splitlines() if re.match(r" +pip install -e", line)]
    assert len(commands) == 2
    assert "python -m src.train +sweep=resnet" in commands[0]
    assert "pytest" in commands[1]
