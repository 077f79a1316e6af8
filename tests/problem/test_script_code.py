"""The code of a script: what its classes reach by name counts, and the lines around do not."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from unittest import mock

import pytest

from paretoprune.problem.script_code import ScriptCode, script_code

_SCRIPT = """
import colorsys
from fractions import Fraction
from functools import cached_property
import json as text
import numpy as np

budget = "2h"
SCALE = 2.0
TABLE = {"noise": [0.1, 0.2]}
MEANS = np.arange(3)
calls = 0

def helper(x):
    return inner(x) * SCALE

def inner(x):
    global calls
    calls += 1
    return x + 1

class Base:
    def forward(self, x):
        return helper(x)

class Noise:
    def __call__(self, x):
        return x + [n for n in TABLE["noise"]][0] + MEANS[0]

noise = Noise()

class Net(Base):
    @staticmethod
    def budget_of(x):
        return x.budget + text.loads("1")

    @property
    def colour(self):
        return colorsys.rgb_to_hsv(0, 0, 0)

    @cached_property
    def half(self):
        return noise(Fraction(1, 2))

found = [Net]
"""


def test_all_that_is_reached_counts(tmp_path: Path) -> None:
    found = code_of(tmp_path, _SCRIPT)
    names = ("Base", "MEANS", "Net", "Noise", "SCALE", "TABLE", "helper", "inner")
    assert found.digests.keys() == {f"__main__.{name}" for name in names}
    assert found.modules == {"colorsys", "fractions", "json"}


@pytest.mark.parametrize(
    ("before", "after", "name"),
    [
        ("SCALE = 2.0", "SCALE = 2.5", "SCALE"),
        ("[0.1, 0.2]", "[0.1, 0.3]", "TABLE"),
        ("np.arange(3)", "np.arange(3) + 1", "MEANS"),
        ("return x + 1", "return x + 2", "inner"),
        ("return x + [", "return x - [", "Noise"),
    ],
)
def test_a_change_of_what_is_reached_shows(
    tmp_path: Path, before: str, after: str, name: str
) -> None:
    assert _SCRIPT.count(before) == 1
    one, other = code_of(tmp_path, _SCRIPT), code_of(tmp_path, _SCRIPT.replace(before, after))
    changed = {key for key in one.digests if one.digests[key] != other.digests[key]}
    assert changed == {f"__main__.{name}"}


@pytest.mark.parametrize(
    ("before", "after"),
    [('"2h"', '"3h"'), ("calls = 0", "calls = 5"), ("SCALE =", "# a line more\n\nSCALE =")],
)
def test_the_lines_around_do_not_count(tmp_path: Path, before: str, after: str) -> None:
    assert _SCRIPT.count(before) == 1
    assert code_of(tmp_path, _SCRIPT) == code_of(tmp_path, _SCRIPT.replace(before, after))


def code_of(folder: Path, text: str) -> ScriptCode:
    """Return the code of a script's classes, while it runs."""
    file = folder / f"script_{len(list(folder.iterdir()))}.py"
    file.write_text(text)
    script = ModuleType("__main__")
    script.__file__ = str(file)
    with mock.patch.dict(sys.modules, {"__main__": script}):
        exec(compile(text, str(file), "exec"), vars(script))
        return script_code(script.found)
