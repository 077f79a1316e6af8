"""The site builds without a warning, links and anchors included, and shows the code as it is."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def test_the_site_builds_strictly(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs", reason="the site needs `pip install -e '.[docs]'`")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-d", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    commands = (tmp_path / "reference/commands/index.html").read_text()
    assert "rule=spread n=4" in commands
    settings = (tmp_path / "reference/settings/index.html").read_text()
    assert "tune_learning_rate" in settings
    options = (tmp_path / "reference/options/index.html").read_text()
    configs = list((ROOT / "conf").glob("*/*.yaml"))
    assert all(f"{path.parent.name}={path.stem}" in options for path in configs)
    strategies = (tmp_path / "reference/strategies/index.html").read_text()
    found = {path.stem for path in (ROOT / "conf/search").glob("*.yaml")} - {"_base"}
    assert all(f"<code>search={name}</code>" in strategies for name in found)
    assert (tmp_path / "assets/best_of_many.png").read_bytes().startswith(b"\x89PNG")


def test_pages_name_commands_that_exist() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    named = {
        name
        for page in pages
        for name in re.findall(r"python -m src\.(\w+)", page.read_text(encoding="utf-8"))
    }
    there = {path.stem for path in (ROOT / "src").glob("*.py")} | {"inspect"}
    assert named and named <= there
