"""A command whose output is read by `head` leaves without a traceback."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "arguments",
    [["paretoprune", "train", "--help"], ["paretoprune", "pick", "--help"], ["paretoprune"]],
)
def test_a_reader_that_ends_is_no_error_with_a_traceback(arguments: list[str]) -> None:
    command = [sys.executable, "-m", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None and running.stderr is not None
        running.stdout.close()  # before the command prints: Python takes longer to start
        assert running.stderr.read() == b""
    assert running.returncode == 1
