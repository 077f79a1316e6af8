"""Models are called by `Inputs.run` alone, so that every task reaches every part of the code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "paretoprune"
# Names under which the code has models and networks.
MODELS = {
    "_model", "dense", "masked", "model", "network", "probe", "pruned", "reference",
    "student", "teacher", "working",
}  # fmt: skip
ALLOWED = {
    "tasks/inputs.py",  # `Inputs.run` itself
    # Graphs and files of one tensor.
    "export/write.py",
    "formats/names.py",
    "formats/openvino.py",
    "pick/rounded/int8.py",
    "quantization/integers.py",
}


def calls_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        # `model.eval()(x)` and `model.train()(x)`
        if isinstance(called, ast.Call) and isinstance(called.func, ast.Attribute):
            called = called.func.value if called.func.attr in ("eval", "train") else called
        name = ast.unparse(called).removeprefix("self.")
        if name in MODELS and (node.args or node.keywords):
            yield f"line {node.lineno}: {ast.unparse(node)[:60]}"


def test_nothing_else_calls_a_model() -> None:
    found = {
        place: calls
        for path in sorted(PACKAGE.rglob("*.py"))
        if (place := path.relative_to(PACKAGE).as_posix()) not in ALLOWED
        and (calls := list(calls_of(path)))
    }
    assert not found


def test_a_call_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text("self._model(x)\nmodel.eval()(x)\ninputs.run(model)\nnetwork(**batch)\n")
    assert len(list(calls_of(file))) == 3
