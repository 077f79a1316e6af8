"""Tests that belong to a source file, in a package written by hand and in this one."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.mirrors import Mirrors

ROOT = Path(__file__).resolve().parents[2]
FILES = {
    "src/p/__init__.py": "",
    "src/p/a/__init__.py": "from p.a.hidden import f\nfrom p.a.plain import g",
    "src/p/a/plain.py": "",
    "src/p/a/hidden.py": "",
    "src/p/a/deep.py": "",
    "src/p/a/alone.py": "",
    "src/p/b/user.py": "from p.a.deep import h",
    "tests/a/test_plain.py": "",
    "tests/a/test_kit.py": "from p.a import f",
    "tests/b/test_user.py": "from p.b.user import x",
    "tests/b/test_other.py": "import p.a.plain\nfrom p.a import f, g",
    "tests/kits/kit.py": "from p.a.deep import h",
}


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("a/plain.py", ["a/test_plain.py"]),  # by its path, whoever else imports it
        ("a/hidden.py", ["a/test_kit.py"]),  # handed on by the package; the near test alone
        ("a/deep.py", ["b/test_user.py"]),  # by way of the file that uses it
        ("a/alone.py", ["a/test_kit.py", "a/test_plain.py"]),  # by a config alone: its folder
    ],
)
def test_tests_are_found_by_path_then_by_imports(
    tmp_path: Path, file: str, expected: list[str]
) -> None:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    source, tests = tmp_path / "src" / "p", tmp_path / "tests"
    found = Mirrors.of(source, tests).tests_of(source / file)
    assert found == [tests / name for name in expected]


def test_further_tests_are_those_of_the_files_that_import_it(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "src/p/a/user.py").write_text("from p.a.plain import g")
    (tmp_path / "tests/a/test_user.py").write_text("from p.a.user import x")
    source, tests = tmp_path / "src" / "p", tmp_path / "tests"
    found = Mirrors.of(source, tests).tests_around(source / "a/plain.py")
    # not those of other packages; `kit.py` imports it, too, and has no test of its own name
    assert found == [tests / "a/test_kit.py", tests / "a/test_user.py"]


def test_every_file_of_the_core_has_tests() -> None:
    source = ROOT / "src" / "paretoprune"
    mirrors = Mirrors.of(source, ROOT / "tests")
    for folder in ("pruning", "search", "measure"):
        for file in (source / folder).rglob("*.py"):
            assert file.name == "__init__.py" or mirrors.tests_of(file), file
