"""Docstrings of installed packages: English texts that need no download.

They follow the installed versions, which the digest of the data records.
"""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from paretoprune.errors import SettingsError

_SHORTEST = 80  # characters of a docstring that is used
T = TypeVar("T")
_Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def in_parts(texts: Sequence[T], *, share: float, seed: int) -> dict[str, list[T]]:
    """Split texts at random into `test` and `validation`, each a `share` of them, and `train`."""
    order = np.random.default_rng(seed).permutation(len(texts))
    test, validation = (round(part * len(texts)) for part in (share, 2 * share))
    bounds = {"test": (0, test), "validation": (test, validation), "train": (validation, None)}
    return {part: [texts[n] for n in order[start:end]] for part, (start, end) in bounds.items()}


def docstrings(package: str, count: int, *, setting: str) -> list[str]:
    """Return the first `count` docstrings of a package, in the order of its files' names.

    The files are read, and not run; those of tests are left out. `setting` names the package in
    the error message.

    Raises:
        SettingsError: the package is not installed, or has too few docstrings.
    """
    found: dict[str, None] = {}  # in order, without repeats
    for path in _files(package, setting):
        for text in _docstrings_in(path):
            found[text] = None
            if len(found) == count:
                return [*found]
    raise SettingsError(
        [f"`{setting}`: {package} has {len(found)} docstrings, fewer than the {count} asked for"]
    )


def _files(package: str, setting: str) -> list[Path]:
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        raise SettingsError([f"`{setting}` must name installed packages, got {package!r}"])
    [root, *_] = spec.submodule_search_locations
    files = (path.relative_to(root) for path in Path(root).rglob("*.py"))
    kept = sorted(one.as_posix() for one in files if not {"tests", "test"} & {*one.parts})
    return [Path(root) / one for one in kept]


def _docstrings_in(path: Path) -> Iterator[str]:
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError, ValueError):
        return  # templates, and files for other versions of Python
    yield from _docstrings_of(tree)


def _docstrings_of(node: _Documented) -> Iterator[str]:
    """Yield the docstrings of a module, class or function, and of those defined in it."""
    text = ast.get_docstring(node) or ""
    if len(text) >= _SHORTEST:
        yield text
    for inner in node.body:
        if isinstance(inner, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _docstrings_of(inner)
