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
    home = (tmp_path / "index.html").read_text()
    assert "decisions/0001-" in home, "patterns of the navigation are expanded"
    assert not re.search(r">\s*More\s*<", home), "every page has its place in the navigation"
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


def test_the_guards_that_the_audit_names_exist() -> None:
    text = (ROOT / "docs/research/audit-a96e750.md").read_text(encoding="utf-8")
    guards = re.findall(r"`([\w/]+\.py)::(\w+)`", text)
    missing = [
        f"{file}::{name}"
        for file, name in guards
        if f"def {name}(" not in (ROOT / "tests" / file).read_text(encoding="utf-8")
    ]
    assert len(guards) > 120 and not missing


def test_no_page_has_two_versions_of_a_passage() -> None:
    """A merge that was not finished leaves both, with these markers."""
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    left = [
        page.relative_to(ROOT)
        for page in pages
        if re.search(r"^(<{7} |>{7} |={7}$)", page.read_text(encoding="utf-8"), re.M)
    ]
    assert len(pages) > 80 and not left


def test_every_decision_is_in_the_index() -> None:
    folder = ROOT / "docs/decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    records = sorted(folder.glob("0*.md"))
    lines = [
        f"- [{path.read_text(encoding='utf-8').splitlines()[0][2:]}]({path.name})"
        for path in records
    ]
    assert [int(path.name[:4]) for path in records] == list(range(1, len(records) + 1))
    assert [line for line in index.splitlines() if line.startswith("- ")] == lines
