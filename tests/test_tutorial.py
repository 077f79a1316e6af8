"""The tutorial, command by command as it stands there: from a network to a served ONNX model."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from tests.kits.commands import run_inspect, run_pick, run_train
from tests.kits.servers import free_port, listens, stop

TUTORIAL = (Path(__file__).resolve().parents[1] / "docs/tutorial.md").read_text()
_PACKAGE_COMMANDS = {
    "paretoprune-inspect": run_inspect,
    "paretoprune-train": run_train,
    "paretoprune-pick": partial(run_pick, trust=()),  # the page names its own
}
_SERVE = "mlflow models serve"


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_every_command_of_the_tutorial(tmp_path: Path) -> None:
    for name, content in re.findall(r'```python title="(.*?)"\n(.*?)```', TUTORIAL, re.DOTALL):
        (tmp_path / name).write_text(content)
    commands = re.findall(r"```sh\n(.*?)\n```", TUTORIAL)
    *before, serve, ask = commands
    assert len(before) == 4 and _SERVE in serve
    for command in before:
        _run(command, tmp_path)
    assert list((tmp_path / "sweeps/mine/picked").glob("*/model.onnx"))
    front = pd.read_csv(tmp_path / "sweeps/mine/front.csv")
    assert front["accuracy"].nunique() >= 3, "a front of several members"
    if shutil.which("uvicorn") is None:
        pytest.skip("all but the last step: `mlflow models serve` needs `uvicorn` on the PATH")
    port = free_port()
    ask_file = tmp_path / "ask.py"
    ask_file.write_text(ask_file.read_text().replace("5001", str(port)))
    with _serving(serve.replace("5001", str(port)), tmp_path, port):
        answers = _run(ask, tmp_path).splitlines()
    assert len(answers) == 8
    right = [first == second for first, second in (line.split(" is ") for line in answers)]
    assert sum(right) >= 6  # of six directions most are distinguished


def _run(command: str, folder: Path) -> str:
    """The command's output. Our own commands run in this process, which saves their imports."""
    words = shlex.split(command)
    if words[0] in _PACKAGE_COMMANDS:
        done = _PACKAGE_COMMANDS[words[0]](folder, *words[1:])
        assert done.code == 0, done.err
        return done.out
    assert words[0] == "python"
    return subprocess.run(
        [sys.executable, *words[1:]], cwd=folder, capture_output=True, text=True, check=True
    ).stdout


@contextmanager
def _serving(command: str, folder: Path, port: int) -> Iterator[None]:
    """The server, ready to answer, and at the end all its processes gone."""
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    log = folder / "server.log"
    with log.open("w") as stream:
        server = subprocess.Popen(
            command,
            shell=True,
            cwd=folder,
            env=os.environ | {"PATH": places, "MLFLOW_DISABLE_TELEMETRY": "true"},
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
    try:
        while not listens(port):
            assert server.poll() is None, log.read_text()
            time.sleep(0.25)
        yield
    finally:
        stop(server)
