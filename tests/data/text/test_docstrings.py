"""Docstrings of installed packages as texts."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from paretoprune.data.text.docstrings import docstrings
from paretoprune.errors import SettingsError

LONG = "Return what is " + "asked for, in as many words as a docstring needs. " * 2
SOURCE = f'''
"""{LONG}0"""
raise RuntimeError("docstrings are read, not run")

class One:
    """{LONG}1"""

    def inner(self):
        """{LONG}2"""
        def nested():
            """short"""

async def last():
    """{LONG}1"""
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    root = tmp_path / "documented"
    (root / "tests").mkdir(parents=True)
    (root / "__init__.py").write_text("")
    (root / "b.py").write_text(SOURCE)
    (root / "a.py").write_text("this is no Python")
    (root / "c.py").write_text(f'"""{LONG}3"""')
    (root / "tests" / "a.py").write_text(f'"""{LONG}4"""')
    monkeypatch.syspath_prepend(tmp_path)
    return root.name


def test_they_come_in_order_without_repeats_and_without_those_of_tests(package: str) -> None:
    found = docstrings(package, 4, setting="data.packages")
    assert [text[-1] for text in found] == ["0", "1", "2", "3"]
    assert docstrings(package, 2, setting="data.packages") == found[:2]
    assert package not in sys.modules


def test_too_few_are_refused(package: str) -> None:
    with pytest.raises(SettingsError, match=r"`data.packages`: documented has 4 docstrings, fewer"):
        docstrings(package, 5, setting="data.packages")


@pytest.mark.parametrize("name", ["no_such_package", "numpy.linalg", "ast", "../numpy"])
def test_what_is_no_package_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match=r"`data.packages` must name installed packages"):
        docstrings(name, 5, setting="data.packages")
