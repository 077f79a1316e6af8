"""The wheel: every package is in it, the configs too, and its commands are there."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONF = ROOT / "conf"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_every_package_is_listed() -> None:
    source = ROOT / "src" / "paretoprune"
    found = {".".join(p.parent.relative_to(source.parent).parts) for p in source.rglob("*.py")}
    conf = {"paretoprune.conf", *(f"paretoprune.conf.{p.parent.name}" for p in CONF.glob("*/*"))}
    listed = set(PROJECT["tool"]["setuptools"]["packages"])
    assert listed == found | conf


def test_the_parts_of_the_pages_are_packaged() -> None:
    report = ROOT / "src" / "paretoprune" / "report"
    patterns = PROJECT["tool"]["setuptools"]["package-data"]["paretoprune.report"]
    packaged = {path for pattern in patterns for path in report.glob(pattern)}
    assert packaged == {*(report / "page").iterdir()}
    assert {path.suffix for path in packaged} == {".html", ".css", ".js"}


def test_every_dependency_says_where_it_lives() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    for requirement in PROJECT["project"]["dependencies"]:
        [line] = [line for line in text.splitlines() if f'"{requirement}"' in line]
        assert "#" in line, line
