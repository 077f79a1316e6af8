"""The commands as a user runs them, in this process: arguments, folder, exit code and output."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from unittest import mock

from hydra.core.global_hydra import GlobalHydra

from paretoprune.cli import compare, inspect, latency, pick, report, train

OWN = "tests.kits"  # the package that is trusted
# A sweep of seconds: a network of two convolutions on the bundled digits.
TINY = (
    "model._target_=tests.kits.own_model.OwnNet",
    "model.width=8",
    "model.train.epochs=2",
    f"trust=[{OWN}]",
    "finetune.epochs=1",
    "finetune.tune_learning_rate=false",
    "measure.latency_repeats=10",
    "sparsity.divisor=1",
    "tracking=none",
)
SWEEP = (*TINY, "search=random", "search.n_trials=8", "name=tiny")


@dataclass(frozen=True)
class Run:
    """The exit code and output of a command."""

    code: int
    out: str
    err: str


def run_train(folder: Path, *arguments: str) -> Run:
    """Run `python -m src.train` in `folder`."""
    return _run(train.main, folder, arguments)


def run_inspect(folder: Path, *arguments: str) -> Run:
    """Run `python -m src.inspect` in `folder`."""
    return _run(inspect.main, folder, arguments)


def run_latency(folder: Path, *arguments: str, trust: Sequence[str] = (f"trust=[{OWN}]",)) -> Run:
    """Run `python -m src.latency` in `folder`."""
    return _run(latency.main, folder, _trusting(arguments, trust))


def run_pick(folder: Path, *arguments: str, trust: Sequence[str] = (f"trust=[{OWN}]",)) -> Run:
    """Run `python -m src.pick` in `folder`."""
    return _run(pick.main, folder, _trusting(arguments, trust))


def run_report(folder: Path, *arguments: str) -> Run:
    """Run `python -m src.report` in `folder`."""
    return _run(report.main, folder, arguments)


def run_compare(folder: Path, *arguments: str) -> Run:
    """Run `python -m src.compare` in `folder`."""
    return _run(compare.main, folder, arguments)


def _trusting(arguments: tuple[str, ...], trust: Sequence[str]) -> tuple[str, ...]:
    """The arguments with `trust`, unless they give some themselves."""
    given = any(one.startswith("trust=") for one in arguments)
    return arguments if given else (*arguments, *trust)


def _run(main: Callable[[], None], folder: Path, arguments: tuple[str, ...]) -> Run:
    out, err = StringIO(), StringIO()
    code = 0
    argv = mock.patch.object(sys, "argv", ["command", *arguments])
    with _in_folder(folder), redirect_stdout(out), redirect_stderr(err), argv:
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        finally:
            GlobalHydra.instance().clear()
    return Run(code, out.getvalue(), err.getvalue())


@contextmanager
def _in_folder(folder: Path) -> Iterator[None]:
    before, path = Path.cwd(), list(sys.path)
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
        sys.path[:] = path
        _forget_modules_in(folder)


def _forget_modules_in(folder: Path) -> None:
    """Forget modules of a user's folder: another test may have others of the same names."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and Path(file).parent == folder:
            del sys.modules[name]
