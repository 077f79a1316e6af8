"""The mapping from source files to their tests, computed from paths and imports."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Mirrors:
    """The source files of a package, its tests, and their imports.

    `imports` holds the source files imported by each file; names re-exported by a package's
    `__init__.py` count for the file that defines them.
    """

    source: Path  # folder of the package
    tests: Path
    imports: dict[Path, frozenset[Path]]

    @classmethod
    def of(cls, source: Path, tests: Path) -> Mirrors:
        """Read all files of both folders."""
        resolver = _Resolver(source)
        files = [*source.rglob("*.py"), *tests.rglob("*.py")]
        return cls(source, tests, {file: resolver.used_by(file) for file in files})

    def tests_of(self, file: Path) -> list[Path]:
        """Return the tests of a source file.

        `tests/<same path>/test_<name>.py`; otherwise the tests that import the file, or that belong
        to files importing it, preferably those of the same package.
        """
        seen, users = {file}, {file}
        while users:
            tests = {test for test in self._users(users, self.tests) if test.stem[:5] == "test_"}
            if found := self._mirrors(users) or self._near(file, tests):
                return sorted(found)
            users = self._users(users, self.source) - seen
            seen |= users
        # Reached by a config alone, as variants are: the tests of its folder.
        folder = self.tests / file.relative_to(self.source).parent
        return sorted(
            test for test in self.imports if test.parent == folder and "test_" in test.stem
        )

    def tests_around(self, file: Path) -> list[Path]:
        """Return further tests in which the file takes part: of the files that import it.

        Only those of the same package count, without `tests_of(file)`.
        """
        users = self._users({file}, self.source)
        of_users = {test for user in users for test in self.tests_of(user)}
        tests = self._users({file}, self.tests) | of_users
        top = self.tests / file.relative_to(self.source).parts[0]
        found = {test for test in tests if test.stem[:5] == "test_" and top in test.parents}
        return sorted(found - set(self.tests_of(file)))

    def _mirrors(self, files: Iterable[Path]) -> set[Path]:
        inside = [file.relative_to(self.source) for file in files]
        found = {self.tests / path.parent / f"test_{path.name}" for path in inside}
        return found & self.imports.keys()

    def _users(self, files: set[Path], folder: Path) -> set[Path]:
        return {
            other
            for other, used in self.imports.items()
            if used & files and folder in other.parents
        }

    def _near(self, file: Path, tests: set[Path]) -> set[Path]:
        top = self.tests / file.relative_to(self.source).parts[0]
        return {test for test in tests if top in test.parents} or tests


class _Resolver:
    """Resolves dotted names of the package to files."""

    def __init__(self, source: Path) -> None:
        self._source = source
        self._handed_on: dict[Path, dict[str, str]] = {}

    def used_by(self, file: Path) -> frozenset[Path]:
        """Return the files of the package that a file imports anywhere."""
        found = (self._file_of(name) for name in _imported(file).values())
        return frozenset(path for path in found if path is not None and path != file)

    def _file_of(self, name: str) -> Path | None:
        head, *rest = name.split(".")
        if head != self._source.name:
            return None
        folder = self._source
        while rest and (folder / rest[0]).is_dir():
            folder /= rest.pop(0)
        if rest and (folder / f"{rest[0]}.py").exists():
            return folder / f"{rest[0]}.py"
        init = folder / "__init__.py"
        if not init.exists():
            return None
        if init not in self._handed_on:
            # placeholder during reading, which ends recursion in import cycles
            self._handed_on[init] = {}
            self._handed_on[init] = _imported(init)
        known = self._handed_on[init]
        return (rest and rest[0] in known and self._file_of(known[rest[0]])) or init


def _imported(file: Path) -> dict[str, str]:
    """Return the imports of a file: full name by local name."""
    found: dict[str, str] = {}
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    return found
