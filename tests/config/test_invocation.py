"""Commands that messages suggest have the form in which the process was called."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest

from paretoprune.config.invocation import command_line, in_callers_form

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("script", "form"),
    [
        ("/venv/bin/paretoprune", "paretoprune pick 'my sweep' trial=3"),
        ("/venv/bin/paretoprune-train", "paretoprune-pick 'my sweep' trial=3"),
        ("/venv/bin/jupyter", "paretoprune pick 'my sweep' trial=3"),
        ("", "paretoprune pick 'my sweep' trial=3"),
    ],
)
def test_a_script_suggests_its_own_form(script: str, form: str) -> None:
    with mock.patch.object(sys, "argv", [script]):
        assert command_line("pick", "my sweep", "trial=3") == form


def test_help_is_in_the_callers_form() -> None:
    text = "usage: paretoprune latency NAME\npassed to paretoprune.load_model, as paretoprune pick"
    with mock.patch.object(sys, "argv", ["paretoprune-latency"]):
        shown = in_callers_form(text)
    assert shown == (
        "usage: paretoprune-latency NAME\npassed to paretoprune.load_model, as paretoprune-pick"
    )


@pytest.mark.parametrize(
    ("module", "form"),
    [
        (["src.report"], "python -m src.train +sweep=resnet"),
        (["paretoprune", "report"], "python -m paretoprune train +sweep=resnet"),
    ],
)
def test_a_module_suggests_its_own_form(tmp_path: Path, module: list[str], form: str) -> None:
    command = [sys.executable, "-m", *module, "none", f"sweeps_dir={tmp_path}"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2
    assert f"there is no sweep `none` in {tmp_path}/; run `{form}`" in done.stderr
