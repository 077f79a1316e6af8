"""The names of the package: those that are promised, imported when they are used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import paretoprune

ROOT = Path(__file__).resolve().parents[1]


def run_python(code: str) -> str:
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT / "src", check=True)
    return done.stdout.strip()


def test_the_api_is_what_is_promised() -> None:
    """A name that is removed or added is a decision."""
    assert set(paretoprune.__all__) == {
        "Sweep", "compare", "inspect", "load_model", "load_sweep", "pick", "prune", "search",
    }  # fmt: skip
    for name in paretoprune.__all__:
        assert callable(getattr(paretoprune, name)), name


def test_the_import_needs_no_torch() -> None:
    code = (
        "import sys, paretoprune; dir(paretoprune); "
        "print([m for m in ('torch', 'mlflow', 'lightning', 'pandas') if m in sys.modules])"
    )
    assert run_python(code) == "[]"


@pytest.mark.parametrize("first", ["", "search.front.front", "pick.rules"])
def test_a_function_with_the_name_of_a_subpackage_is_called_in_any_order(first: str) -> None:
    code = f"""
{f"import paretoprune.{first}" if first else ""}
import inspect
import paretoprune
from paretoprune import pick, search
import paretoprune.pick as pick_package
import paretoprune.search as search_package
from paretoprune.search.front.front import front_of
for each in (paretoprune.search, search, search_package, paretoprune.pick, pick, pick_package):
    try:
        each()
    except TypeError as error:
        print(error)
    print(list(inspect.signature(each).parameters)[0])
"""
    lines = run_python(code).splitlines()
    search = ["search() missing 2 required positional arguments: 'model' and 'data'", "model"]
    pick = ["pick() missing 1 required positional argument: 'sweep'", "sweep"]
    assert lines == 3 * search + 3 * pick


def test_what_there_is_not_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'serch'"):
        paretoprune.serch  # type: ignore[attr-defined]  # noqa: B018
