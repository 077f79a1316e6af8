"""The examples run as they stand, in an empty folder."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
# A notebook shows the last expression of a cell.
_SHOW = """
import ast, sys
cells = __import__("json").loads(sys.stdin.read())
names = {"__name__": "__main__"}
for cell in cells:
    tree = ast.parse(cell)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    if last is not None:
        value = eval(compile(ast.Expression(last.value), "cell", "eval"), names)
        view = getattr(value, "_repr_html_", None)
        print("SHOWN", type(value).__name__, len(view()) if view else len(repr(value)))
"""


def executed(folder: Path, *arguments: str, given: str = "") -> str:
    """Return the output of a fresh process."""
    command = [sys.executable, "-W", "ignore", *arguments]
    done = subprocess.run(command, cwd=folder, input=given, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("script", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_a_script_exports_a_model(tmp_path: Path, script: Path) -> None:
    out = executed(tmp_path, str(script))
    assert "exported to sweeps" in out
    assert len(list(tmp_path.glob("sweeps/*/picked/*/model.safetensors"))) == 1


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("notebook", sorted(EXAMPLES.glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_runs_from_its_first_cell_to_its_last(tmp_path: Path, notebook: Path) -> None:
    content = json.loads(notebook.read_text(encoding="utf-8"))
    cells = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
    sources = ["".join(cell["source"]) for cell in cells]
    out = executed(tmp_path, "-c", _SHOW, given=json.dumps(sources))
    shown = [line.split()[1] for line in out.splitlines() if line.startswith("SHOWN")]
    assert shown == ["Inspection", "dict", "Sweep", "Sequential"]


def test_the_page_about_python_shows_the_script() -> None:
    page = EXAMPLES.parent / "docs" / "how-to" / "python.md"
    script = (EXAMPLES / "search_own_model.py").read_text(encoding="utf-8")
    assert f"```python\n{script}```" in page.read_text(encoding="utf-8")


def test_there_is_a_script_and_a_notebook() -> None:
    assert {path.suffix for path in EXAMPLES.iterdir()} == {".py", ".ipynb"}
