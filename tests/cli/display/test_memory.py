"""Memory that runs out under a limit of the process: one sentence that names the limit."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest
import torch

from paretoprune.cli.compose import fail_with
from paretoprune.cli.display.memory import memory_sentence
from paretoprune.errors import SettingsError


def error_of_torch() -> RuntimeError:
    with pytest.raises(RuntimeError) as error:
        torch.empty(2**60, dtype=torch.uint8)
    return error.value


def test_what_runs_out_of_memory_is_known() -> None:
    lacking = [
        error_of_torch(),
        MemoryError(),
        OSError(12, "Cannot allocate memory"),
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
        SettingsError(["`data._target_=a.b` cannot be imported: MemoryError"]),
        RuntimeError("std::bad_alloc"),
    ]
    for error in lacking:
        sentence = memory_sentence(error)
        assert sentence and "the memory ran out" in sentence and "\n" not in sentence
    for other in (ValueError("no memory of that"), SettingsError(["`name` is missing"])):
        assert memory_sentence(other) is None


def test_the_limit_is_named_with_what_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "status").write_text("Name:\tpython\nVmPeak:\t 3906250 kB\nVmData:\t 976562 kB\n")
    limits = {resource.RLIMIT_AS: 4 * 10**9, resource.RLIMIT_DATA: resource.RLIM_INFINITY}
    monkeypatch.setattr(resource, "getrlimit", lambda number: (limits[number], -1))
    sentence = memory_sentence(MemoryError(), status=tmp_path / "status")
    assert sentence and "`ulimit -v` allows this process 4 GB of addresses, and 4 GB" in sentence
    assert "`ulimit -v unlimited`" in sentence
    limits[resource.RLIMIT_AS] = resource.RLIM_INFINITY
    sentence = memory_sentence(MemoryError(), status=tmp_path / "status")
    assert sentence and "ulimit" not in sentence


def test_a_command_ends_with_the_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        fail_with(error_of_torch())
    printed = capsys.readouterr().err
    assert stop.value.code == 1
    assert printed.startswith("error: the memory ran out") and len(printed.splitlines()) == 1
