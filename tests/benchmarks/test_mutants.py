"""A whole run on a package of one function, half of which is tested."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

from benchmarks.mutations import mutations

ROOT = Path(__file__).resolve().parents[2]
SOURCE = """
def clip(value, top):
    return top if value > top else value * 1
"""
TEST = """
from p.a import clip

def test_clip():
    assert clip(3, 2) == 2
"""
USER = """
from p.d.e import clip

def lower(value):
    return clip(value, 2)
"""
USER_TEST = """
from p.d.user import lower

def test_lower():
    assert lower(1) == 1
"""
EQUIVALENT = """
[[mutant]]
file = "a.py"
function = "clip"
code = "return top if value > top else value * 1"
change = "value > top -> value >= top"
reason = "Where both are equal, either is right."
"""


def run(root: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "benchmarks" / "mutants.py"), "--root", str(root)]
    options = [
        "--package",
        "p",
        "--libraries",
        "anyio,xdist",
        "--count",
        "0",
        "a.py",
        "b.py",  # whose tests fail: the files after it are tried nevertheless
        "d/e.py",
        *more,
    ]
    return subprocess.run([*command, *options], capture_output=True, text=True, cwd=root)


def survived(*changes: str) -> list[str]:
    line = "    survived, line 3 in clip:"
    code = "    # return top if value > top else value * 1"
    return [text for change in changes for text in (line, f"        {change}{code}")]


def test_what_the_tests_do_not_notice_survives(tmp_path: Path) -> None:
    for name, text in {
        "src/p/__init__.py": "",
        "src/p/a.py": SOURCE,
        "tests/test_a.py": TEST,
        "src/p/b.py": SOURCE,
        "tests/test_b.py": TEST.replace("p.a", "p.b").replace("== 2", "== 3"),
        "src/p/d/e.py": SOURCE,
        "tests/d/test_e.py": TEST.replace("p.a", "p.d.e"),
        "src/p/d/user.py": USER,
        "tests/d/test_user.py": USER_TEST,
        "equivalent.toml": EQUIVALENT,
        "pyproject.toml": "[tool.pytest.ini_options]\npythonpath = ['src']",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    done = run(tmp_path, "--equivalent", str(tmp_path / "equivalent.toml"))
    assert done.stdout.splitlines() == [
        "a.py: 5 mutants, 2 killed, 1 equivalent",
        *survived("value * 1 -> value / 1", "1 -> 2"),
        f"the tests of b.py fail as they are: pytest {tmp_path / 'tests/test_b.py'}",
        # the last one meets the test of a file that uses this one
        "d/e.py: 5 mutants, 3 killed",
        *survived("value > top -> value >= top", "value * 1 -> value / 1"),
        "10 mutants, 5 killed, 1 equivalent (60.0%)",
    ]
    assert done.returncode == 1
    few = run(tmp_path, "--total", "3", "--seed", "1")
    assert few.stdout.splitlines()[-1].startswith("2 mutants, ")  # one is of b.py


def test_every_mutant_that_is_listed_as_equivalent_is_one_of_the_source() -> None:
    listed = tomllib.loads((ROOT / "benchmarks" / "equivalent_mutants.toml").read_text())
    for one in listed["mutant"]:
        text = (ROOT / "src" / "paretoprune" / one["file"]).read_text()
        found = {(m.place.function, m.code, m.change) for m in mutations(text)}
        assert (one["function"], one["code"], one["change"]) in found
