"""Completion in bash: commands, variants and sweeps, by the script that users evaluate."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from paretoprune.cli.display.completion import completion_script


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["pi"], ["pick"]),
        (["train", "schedule=g"], ["schedule=gradual"]),
        (["train", "+sweep=resn"], ["+sweep=resnet"]),
        (["pick", "my"], ["mynet"]),
        (["pick", "x"], []),
    ],
)
def test_bash_completes(tmp_path: Path, words: list[str], found: list[str]) -> None:
    (tmp_path / "sweeps" / "mynet").mkdir(parents=True)
    (tmp_path / "sweeps" / "mynet" / "config.yaml").touch()
    assert completed(tmp_path, words) == found


def test_where_there_is_no_sweep_none_is_offered(tmp_path: Path) -> None:
    assert completed(tmp_path, ["pick", ""]) == []


def completed(folder: Path, words: list[str]) -> list[str]:
    """Return what bash offers for the last word in a folder."""
    typed = " ".join(["paretoprune", *(word or "''" for word in words)])
    script = f"""{completion_script("bash")}
COMP_WORDS=({typed}); COMP_CWORD={len(words)}
_paretoprune
echo "${{COMPREPLY[@]}}"
"""
    run = subprocess.run(
        ["bash", "-c", script], cwd=folder, capture_output=True, text=True, check=True
    )
    return run.stdout.split()


def test_zsh_loads_the_completion_of_bash() -> None:
    assert completion_script("zsh").startswith("autoload")
