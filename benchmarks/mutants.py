"""Mutation testing: the share of small faults that the tests of a source file detect.

    python benchmarks/mutants.py --count 20 --seed 0 pruning search/front/gaps.py

Prints, by file, the number of tried and killed mutants, and the surviving ones with their lines.
Mutants in `equivalent_mutants.toml` compute the same as the original, for the reason given there,
and count as killed. A mutant is the original with one change (`mutations.py`); its tests are found
by path, and what survives them meets the tests of the files that import it (`mirrors.py`). Large
libraries are imported once, and each mutant is a fork of that process: mutmut and cosmic-ray start
a Python process for each, and importing torch and lightning takes six seconds, while a fork with
the tests of a file takes one or two.
"""

from __future__ import annotations

import argparse
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
from itertools import groupby
from operator import itemgetter
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
_TIMES = 3.0  # time limit, relative to the time of the unmodified tests
_MEMORY = 8 << 30  # bytes for data
_BROKEN = 70  # status of a fork that did not get as far as pytest
_PYTEST = (
    *("-x", "-q", "-o", "addopts=", "--import-mode=importlib", "--hypothesis-profile=mutants"),
    *("-p", "no:cacheprovider", "-p", "no:xdist"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),  # hypothesis is imported before pytest
)


class UntestedError(Exception):
    """A file has no tests, or tests that fail without any mutation."""


@dataclass(frozen=True)
class Outcome:
    """The results for the mutants of one file."""

    file: str
    tried: int
    killed: int
    equivalent: int
    survivors: tuple[Mutation, ...]

    def __str__(self) -> str:
        same = f", {self.equivalent} equivalent" if self.equivalent else ""
        lines = [f"{self.file}: {self.tried} mutants, {self.killed} killed{same}"]
        for m in self.survivors:
            lines.append(f"    survived, line {m.line} in {m.place.function or 'the module'}:")
            lines.append(f"        {m.change}    # {m.code}")
        return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Test the mutants of the files named on the command line; return 1 if one survived."""
    options = _options(arguments)
    source = options.root / "src" / options.package
    mirrors = Mirrors.of(source, options.root / "tests")
    sys.path[:] = [path for path in sys.path if path != str(ROOT / "benchmarks")]
    _import_once([name for name in options.libraries.split(",") if name])
    equivalent = _equivalent(options.equivalent)
    outcomes, untried = [], 0
    for file, found in _samples(options, source).items():
        stages = mirrors.tests_of(file), mirrors.tests_around(file)
        try:
            outcomes.append(try_file(file, found, stages, source, equivalent))
        except UntestedError as error:  # the other files are tried nevertheless
            untried += 1
            print(error, flush=True)
        else:
            print(outcomes[-1], flush=True)
    tried, passed = sum(o.tried for o in outcomes), sum(o.killed + o.equivalent for o in outcomes)
    equal = sum(outcome.equivalent for outcome in outcomes)
    share = f" ({passed / tried:.1%})" if tried else ""
    print(f"{tried} mutants, {passed - equal} killed, {equal} equivalent{share}")
    return int(passed < tried or untried > 0)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("paths", nargs="*", default=CORE, help="files or folders of the package")
    parser.add_argument("--count", type=int, default=10, help="mutants of each file; 0: all")
    parser.add_argument("--total", type=int, help="mutants of all files, each as likely")
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


def _samples(options: argparse.Namespace, source: Path) -> dict[Path, list[Mutation]]:
    """Sample mutations by file: `count` of each, independent of the others, or `total` in all."""
    every = {file: mutations(file.read_text()) for file in _files(source, options.paths)}
    if options.total:
        places = [(file, index) for file in every for index in range(len(every[file]))]
        chosen = random.Random(options.seed).sample(places, min(options.total, len(places)))
    else:
        chosen = []
        for file, found in every.items():
            dice = random.Random(f"{options.seed} {file.relative_to(source).as_posix()}")
            count = min(options.count or len(found), len(found))
            chosen += [(file, index) for index in dice.sample(range(len(found)), count)]
    return {
        file: [every[file][index] for _, index in places]
        for file, places in groupby(sorted(chosen), key=itemgetter(0))
    }


def try_file(
    file: Path,
    found: Sequence[Mutation],
    stages: Sequence[Sequence[Path]],
    source: Path,
    equivalent: frozenset[tuple[str, ...]],
) -> Outcome:
    """Run the tests of each stage unchanged, then once for each mutant that is left.

    Raises:
        UntestedError: there are no tests, or they fail without any mutation.
    """
    name = file.relative_to(source).as_posix()
    if not stages[0]:
        raise UntestedError(f"{name}: no test imports it")
    same = [m for m in found if (name, m.place.function, m.code, m.change) in equivalent]
    rest = [m for m in found if m not in same]
    survivors = rest
    for tests in stages:
        if survivors and tests:
            limit_s = _limit(file, tests, source)
            survivors = [
                m for m in survivors if not _run_tests(file, m, tests, source, limit_s=limit_s)[0]
            ]
    return Outcome(name, len(found), len(rest) - len(survivors), len(same), tuple(survivors))


def _limit(file: Path, tests: Sequence[Path], source: Path) -> float:
    """Return the processor time for each mutant, from a run without a mutation."""
    code, cpu_s = _run_tests(file, None, tests, source, limit_s=1200)
    if code:
        names = " ".join(str(test) for test in tests)
        raise UntestedError(f"the tests of {file.name} fail as they are: pytest {names}")
    return _TIMES * cpu_s + _SLACK_S


def _run_tests(
    file: Path, mutation: Mutation | None, tests: Sequence[Path], source: Path, *, limit_s: float
) -> tuple[int, float]:
    """Return the status of a forked pytest (0: all passed), and its processor time."""
    sys.stdout.flush()
    child = os.fork()
    if not child:
        _become_pytest(file, mutation, tests, source, limit_s)
    _, status, usage = os.wait4(child, 0)
    if os.waitstatus_to_exitcode(status) == _BROKEN:
        # must not count as a killed mutant
        raise SystemExit(f"pytest cannot be started for {file.name}")
    return status, usage.ru_utime + usage.ru_stime


def _become_pytest(
    file: Path, mutation: Mutation | None, tests: Sequence[Path], source: Path, limit_s: float
) -> None:
    """Run the tests with the mutant in place of the file; never returns."""
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
    """Make hypothesis deterministic, without shrinking of failing examples."""
    from hypothesis import Phase, settings

    phases = (Phase.explicit, Phase.generate)
    settings.register_profile(
        "mutants", deadline=None, derandomize=True, database=None, phases=phases
    )


class _Mutant(importlib.machinery.SourceFileLoader):
    """The original's loader, with a modified syntax tree and without cached bytecode."""

    def __init__(self, name: str, file: Path, mutation: Mutation) -> None:
        super().__init__(name, str(file))
        self._mutation = mutation

    def get_code(self, fullname: str) -> CodeType:
        """Compile the modified tree."""
        code: CodeType = compile(self._mutation.mutant(), self.path, "exec", dont_inherit=True)
        return code


class _Finder(importlib.abc.MetaPathFinder):
    """Imports the mutant instead of its original."""

    def __init__(self, file: Path, mutation: Mutation, source: Path) -> None:
        inside = file.relative_to(source).with_suffix("")
        package = inside.name == "__init__"
        self._folders = [str(file.parent)] if package else None
        name = ".".join((source.name, *(inside.parent if package else inside).parts))
        self._loader = _Mutant(name, file, mutation)

    def find_spec(
        self, fullname: str, path: object, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return a spec for the mutated module only."""
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
    gc.freeze()  # a garbage collection in a fork would copy all memory


def _equivalent(path: Path) -> frozenset[tuple[str, ...]]:
    """Return file, function, line and change of equivalent mutants; each needs a reason."""
    entries = tomllib.loads(path.read_text())["mutant"] if path.exists() else []
    for entry in entries:
        if not entry["reason"].strip():
            raise SystemExit(f"{path}: {entry['change']} needs a reason")
    keys = ("file", "function", "code", "change")
    return frozenset(tuple(one[key] for key in keys) for one in entries)


if __name__ == "__main__":
    sys.exit(main())
