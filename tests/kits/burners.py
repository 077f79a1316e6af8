"""Simulation of a busy machine by processes that compute without end."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_BURN = "import os\nparent = os.getppid()\nwhile os.getppid() == parent:\n    sum(range(10_000))"


@contextmanager
def burning(count: int) -> Iterator[None]:
    """Run `count` processes that use all the processor time they get, for the duration of the
    block."""
    processes = [subprocess.Popen([sys.executable, "-c", _BURN]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()
