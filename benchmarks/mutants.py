"""How many small faults the tests notice: each mutant of a source file against its own tests.

    python benchmarks/mutants.py --count 20 --seed 0 pruning search/front/gaps.py

Prints, by file, how many mutants were tried and killed, and the survivors with their lines. Those
in `equivalent_mutants.toml` compute the same as the original, for the reason given there, and count
as killed. A mutant is the original with one change (`mutations.py`); its tests are found by path
(`mirrors.py`). The large libraries are imported once, and each mutant is a fork of that process:
mutmut and cosmic-ray start a Python for each, and importing torch and lightning takes six seconds,
a fork with the tests of a file one or two.
"""

from __future__ import annotations

import argparse
import ast
import gc
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import random
import resource
import sys
import tomllib
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType

from mirrors import Mirrors
from mutations import Mutation, mutations

ROOT = Path(__file__).resolve().parents[1]
CORE = (
    *("pruning", "search", "measure", "data/split.py"),
    *("pick/rules.py", "pick/limits.py", "search/front/spread.py"),
)
LIBRARIES = (
    "torch,torchvision,lightning,torchmetrics,optuna,sqlalchemy.orm,sklearn.model_selection,"
    "scipy.sparse,hydra.utils,omegaconf,antlr4,pydantic,anyio,xdist"
)
_SLACK_S = 3.0  # processor time for each mutant, and
_TIMES = 3.0  # so many times what the tests take
_MEMORY = 8 << 30  # bytes for data
_BROKEN = 70  # status of a fork that did not get as far as pytest
_PYTEST = (
    *("-x", "-q", "-o", "addopts=", "--import-mode=importlib", "--hypothesis-profile=mutants"),
    *("-p", "no:cacheprovider", "-p", "no:xdist"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),  # hypothesis is imported before pytest
)


@dataclass(frozen=True)
class Outcome:
    """What became of the mutants of one file."""

    file: str
    tried: int
    killed: int
    equivalent: int
    survivors: tuple[Mutation, ...]

    def __str__(self) -> str:
        same = f", {self.equivalent} equivalent" if self.equivalent else ""
        lines = [f"{self.file}: {self.tried} mutants, {self.killed} killed{same}"]
        lines += [
            f"    survived, line {m.line} in {m.place.function or 'the module'}: {m.change}"
            for m in self.survivors
        ]
        return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the mutants of the files that the command line names; 1 where one survived."""
    options = _options(arguments)
    source = options.root / "src" / options.package
    mirrors = Mirrors.of(source, options.root / "tests")
    sys.path[:] = [path for path in sys.path if path != str(ROOT / "benchmarks")]
    _import_once([name for name in options.libraries.split(",") if name])
    equivalent = _equivalent(options.equivalent)
    outcomes = []
    for file in _files(source, options.paths):
        found = _sample(file, options.count, options.seed, source)
        tests = mirrors.tests_of(file) if found else []
        if tests:
            outcomes.append(try_file(file, found, tests, source, equivalent))
            print(outcomes[-1], flush=True)
        elif found:
            print(f"{file.relative_to(source)}: no test imports it", flush=True)
    tried, passed = sum(o.tried for o in outcomes), sum(o.killed + o.equivalent for o in outcomes)
    equal = sum(outcome.equivalent for outcome in outcomes)
    share = f" ({passed / tried:.1%})" if tried else ""
    print(f"{tried} mutants, {passed - equal} killed, {equal} equivalent{share}")
    return int(passed < tried)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("paths", nargs="*", default=CORE, help="files or folders of the package")
    parser.add_argument("--count", type=int, default=10, help="mutants of each file; 0: all")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--root", type=Path, default=ROOT, help="folder of src/ and tests/")
    parser.add_argument("--package", default="paretoprune")
    parser.add_argument("--libraries", default=LIBRARIES, help="imported once, before the forks")
    parser.add_argument(
        "--equivalent", type=Path, default=ROOT / "benchmarks" / "equivalent_mutants.toml"
    )
    return parser.parse_args(arguments)


def _files(source: Path, paths: Sequence[str]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        place = source / path
        if not place.exists():
            raise SystemExit(f"there is no {place}")
        found += sorted(place.rglob("*.py")) if place.is_dir() else [place]
    return found


def _sample(file: Path, count: int, seed: int, source: Path) -> list[Mutation]:
    """The same for the same seed, whatever other files there are."""
    every = mutations(ast.parse(file.read_text()))
    if not count or len(every) <= count:
        return every
    dice = random.Random(f"{seed} {file.relative_to(source).as_posix()}")
    return [every[index] for index in sorted(dice.sample(range(len(every)), count))]


def try_file(
    file: Path,
    found: Sequence[Mutation],
    tests: Sequence[Path],
    source: Path,
    equivalent: frozenset[tuple[str, str, str]],
) -> Outcome:
    """Run the file's tests once as it is, then once for each mutant.

    Raises:
        SystemExit: the tests fail without any mutation.
    """
    code, cpu_s = _run_tests(file, None, tests, source, limit_s=1200)
    if code:
        names = " ".join(str(test) for test in tests)
        raise SystemExit(f"the tests of {file.name} fail as they are: pytest {names}")
    limit_s = _TIMES * cpu_s + _SLACK_S
    same = [m for m in found if (file.name, m.place.function, m.change) in equivalent]
    rest = [m for m in found if m not in same]
    survivors = [m for m in rest if not _run_tests(file, m, tests, source, limit_s=limit_s)[0]]
    name = file.relative_to(source).as_posix()
    return Outcome(name, len(found), len(rest) - len(survivors), len(same), tuple(survivors))


def _run_tests(
    file: Path, mutation: Mutation | None, tests: Sequence[Path], source: Path, *, limit_s: float
) -> tuple[int, float]:
    """The status of a forked pytest (0: all passed) and the processor time that it took."""
    sys.stdout.flush()
    child = os.fork()
    if not child:
        _become_pytest(file, mutation, tests, source, limit_s)
    _, status, usage = os.wait4(child, 0)
    if os.waitstatus_to_exitcode(status) == _BROKEN:
        raise SystemExit(f"pytest cannot be started for {file.name}")  # which kills no mutant
    return status, usage.ru_utime + usage.ru_stime


def _become_pytest(
    file: Path, mutation: Mutation | None, tests: Sequence[Path], source: Path, limit_s: float
) -> None:
    """Run the tests with the mutant in the place of the file; never returns."""
    ready = False
    try:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        if mutation is not None:
            os.dup2(silence, 2)
        resource.setrlimit(resource.RLIMIT_CPU, (int(limit_s), int(limit_s) + 1))
        resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
        os.chdir(source.parents[1])
        if mutation is not None:
            sys.meta_path.insert(0, _Finder(file, mutation, source))
        import pytest

        _register_profile()
        ready = True
        code = int(pytest.main([*_PYTEST, *(str(test) for test in tests)]))
    except BaseException:
        traceback.print_exc()
        code = 1 if ready else _BROKEN
    os._exit(code)


def _register_profile() -> None:
    """Examples that are the same each time; a failing one needs no smaller one."""
    from hypothesis import Phase, settings

    phases = (Phase.explicit, Phase.generate)
    settings.register_profile(
        "mutants", deadline=None, derandomize=True, database=None, phases=phases
    )


class _Mutant(importlib.machinery.SourceFileLoader):
    """The original's loader, with another tree; there is no cached bytecode of it."""

    def __init__(self, name: str, file: Path, mutation: Mutation) -> None:
        super().__init__(name, str(file))
        self._mutation = mutation

    def get_code(self, fullname: str) -> CodeType:
        """The changed tree, compiled."""
        code: CodeType = compile(self._mutation.mutant(), self.path, "exec", dont_inherit=True)
        return code


class _Finder(importlib.abc.MetaPathFinder):
    """Imports the mutant where its original is asked for."""

    def __init__(self, file: Path, mutation: Mutation, source: Path) -> None:
        inside = file.relative_to(source).with_suffix("")
        package = inside.name == "__init__"
        self._folders = [str(file.parent)] if package else None
        name = ".".join((source.name, *(inside.parent if package else inside).parts))
        self._loader = _Mutant(name, file, mutation)

    def find_spec(
        self, fullname: str, path: object, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Of the one module."""
        if fullname != self._loader.name:
            return None
        return importlib.util.spec_from_file_location(
            fullname,
            self._loader.path,
            loader=self._loader,
            submodule_search_locations=self._folders,
        )


def _import_once(libraries: Sequence[str]) -> None:
    for name in ("pytest", "hypothesis", *libraries):
        importlib.import_module(name)
    if "torch" in libraries:
        importlib.import_module("torch").set_num_threads(1)
    gc.freeze()  # a collection in a fork would copy all memory


def _equivalent(path: Path) -> frozenset[tuple[str, str, str]]:
    """File name, function and change of the mutants that compute the same; each with a reason."""
    entries = tomllib.loads(path.read_text())["mutant"] if path.exists() else []
    for entry in entries:
        if not entry["reason"].strip():
            raise SystemExit(f"{path}: {entry['change']} needs a reason")
    return frozenset((one["file"], one["function"], one["change"]) for one in entries)


if __name__ == "__main__":
    sys.exit(main())
