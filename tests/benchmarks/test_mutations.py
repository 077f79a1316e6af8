"""The mutations of a module, against lists made by hand."""

from __future__ import annotations

import ast

import pytest

from benchmarks.mutations import mutations


def changes(source: str) -> list[str]:
    return [mutation.change for mutation in mutations(source)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a = x < y", ["x < y -> x <= y", "x < y -> x >= y"]),
        ("a = x is y", ["x is y -> x is not y"]),
        ("a = x < y <= z", [f"x < y <= z -> {c}" for c in (
            "x <= y <= z", "x >= y <= z", "x < y < z", "x < y > z")]),
        ("def f(): return x + y", ["return x + y -> return None", "x + y -> x - y"]),
        ("a = x | y", []),  # may be a type
        ("def f(): y = a | b", ["a | b -> a & b"]),
        ("a = x and y", ["x and y -> x or y"]),
        ("a = not x", ["not x -> x"]),
        ("a = -x", ["-x -> x"]),
        ("a = (3, True, None, 'a')", ["3 -> 4", "True -> False"]),
        ("a = (0.5, 0.0)", ["0.5 -> 1.0", "0.0 -> 1.0"]),
        ("if x: a = b", ["x -> not x"]),
        ("a = [x for x in y if x]", ["x -> not x"]),
        ("a += b", ["a += b -> a -= b", "a += b -> pass"]),
        ("a[b] = c", ["a[b] = c -> pass"]),
        ("a.b = c", ["a.b = c -> pass"]),
        ("a = min(b)", ["min -> max"]),
        ("a = b.all()", ["b.all -> b.any"]),
        ("a = sorted(b, key=min)", []),
        ("for x in y: break", ["break -> continue"]),
        ("raise E(f'{1} of {2}', 3)", ["raise E(f'{1} of {2}', 3) -> pass"]),
        ("assert x < 1", []),
        ("from a import b", []),
        ("def f(x: int | None = 3) -> 'int < 4': 'text'", ["3 -> 4"]),
        ("a = isinstance(x, int | float)", []),
        ("a = zip(x, y, strict=True)", []),
        ("@dataclass(frozen=True)\nclass A: x: int = 1", ["1 -> 2"]),
    ],
)  # fmt: skip
def test_mutations_by_hand(source: str, expected: list[str]) -> None:
    assert changes(source) == expected


def test_each_mutant_is_the_module_with_that_one_change() -> None:
    source = "class A:\n\n    def f(self, x):\n        return x + 1\n"
    found = []
    for index in range(len(changes(source))):
        mutation = mutations(source)[index]
        assert (mutation.line, mutation.code) == (4, "return x + 1")
        assert mutation.place.function == "A.f"
        found.append(ast.unparse(mutation.mutant()))
        compile(mutation.mutant(), "a.py", "exec")
    returns = ("return None", "return x - 1", "return x + 2")
    assert found == [f"class A:\n\n    def f(self, x):\n        {line}" for line in returns]
