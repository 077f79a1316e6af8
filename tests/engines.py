"""Engines that tests start for real: PostgreSQL, Ray, Slurm. What CI started must not skip."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parents[1]
REQUIRED = "PARETOPRUNE_ENGINES"  # set by .ci/run to the names of the engines that it installed


def is_absent(engine: str, reason: str) -> NoReturn:
    """Skip the tests of an engine; fail where it is installed on purpose."""
    if engine in os.environ.get(REQUIRED, "").split():
        pytest.fail(f"{engine} is installed, but cannot be used: {reason}")
    pytest.skip(reason, allow_module_level=True)


def needs_package(engine: str, package: str) -> None:
    """Skip, or fail, where a package of Python is not installed."""
    if find_spec(package) is None:
        is_absent(engine, f"the package {package} of the extra `{engine}` is not installed")


def script(engine: str, *arguments: str, env: Mapping[str, str] | None = None) -> str:
    """Return the output of `scripts/ENGINE.sh`; it is absent where the engine cannot start."""
    command = [str(ROOT / "scripts" / f"{engine}.sh"), *arguments]
    # Programs of packages lie beside this Python, whether or not its environment is activated.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    variables = {**os.environ, "PATH": path, **(env or {})}
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=250)
    if done.returncode and arguments[0] == "start":
        is_absent(engine, f"`{' '.join(command)}`: {done.stderr.strip()}")
    assert done.returncode == 0, f"`{' '.join(command)}`: {done.stderr.strip()}"
    return done.stdout.strip()
