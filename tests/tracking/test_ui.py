"""The MLflow UI: it starts, answers, and Ctrl-C leaves no process behind."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from paretoprune.errors import SettingsError
from paretoprune.tracking.ui import serve
from tests.kits.browser import open_browser
from tests.kits.servers import free_port
from tests.tracking.conftest import MakeTracker
from tests.tracking.kit import trial

# A process in the background ignores Ctrl-C, and so would this one.
_SERVE = """
import signal
import sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from pathlib import Path
from paretoprune.tracking.ui import serve
from paretoprune.tracking.uri import resolve_uri
root = Path(sys.argv[1])
from functools import partial
say = partial(print, flush=True)
show = lambda address: say("shown", address)
serve(resolve_uri(None, root=root), root=root, say=say, port=int(sys.argv[2]), show=show)
"""

# A picture of one pixel, and how wide the browser found it: 0 where it could not be loaded.
_PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
_PICTURE_WIDTH = """document.querySelector('img[src^="get-artifact"]').naturalWidth"""


@pytest.fixture(name="free_port")
def port() -> int:
    """A port that nothing listens on."""
    return free_port()


def test_a_port_in_use_is_reported_in_a_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(
            SettingsError, match=rf"port {port} cannot be used .* `port={port + 1}`"
        ):
            serve(f"sqlite:///{tmp_path}/mlflow.db", root=tmp_path, say=print, port=port)
    assert list(tmp_path.iterdir()) == []


def test_a_server_elsewhere_is_named_without_its_password(
    tmp_path: Path,
) -> None:
    said: list[str] = []
    serve("https://me:secret@tracking.example/x", root=tmp_path, say=said.append)
    assert "https://***@tracking.example/x" in said[0]


@contextmanager
def running_ui(root: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """The UI as a process of its own, from the moment that it answers."""
    command = [sys.executable, "-c", _SERVE, str(root), str(port)]
    environment = {**os.environ, "PYTHONPATH": ":".join(sys.path)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environment, **pipes) as program:
        try:
            assert program.stdout is not None
            assert "Starting" in program.stdout.readline()
            assert f"http://127.0.0.1:{port}" in program.stdout.readline()
            yield program
            program.terminate()
            program.wait(timeout=60)
        finally:
            program.kill()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_ui_answers_and_ends_with_all_its_processes(
    root: Path, free_port: int, number: signal.Signals
) -> None:
    with running_ui(root, free_port) as program:
        assert _get(f"http://127.0.0.1:{free_port}/health") == b"OK"
        found = _search_experiments(free_port)
        assert [experiment["name"] for experiment in found["experiments"]] == ["Default"]
        session = _processes_of_server(free_port)
        assert session
        program.send_signal(number)
        out, errors = program.communicate(timeout=30)
    assert program.returncode == 0
    assert "has ended" in out
    assert "Traceback" not in errors
    assert _still_running(session) == []


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_table_and_the_sweeps_page_open_in_a_browser(
    root: Path, free_port: int, make_tracker: MakeTracker
) -> None:
    """At the printed address are the trials with the objectives; on the page the note's picture."""
    with open_browser() as browser:
        tracker = make_tracker()
        for number in range(3):
            tracker.log_trial(trial(number, accuracy=95.0 + number))
        picture = root / "front.png"
        picture.write_bytes(base64.b64decode(_PIXEL))
        tracker.log_summary(note="The best: ![front](front.png)", files=[picture])
        tracker.close("FINISHED")
        with running_ui(root, free_port) as program:
            assert program.stdout is not None
            table, own, shown = (program.stdout.readline().split() for _ in range(3))
            assert shown == ["shown", table[-1]], "the deep link is what a browser is given"
            assert table[:3] == ["digits:", "all", "trials"]
            assert own[:2] == ["best", "points"]
            page = browser.new_page(viewport={"width": 1600, "height": 800})
            errors: list[str] = []
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.goto(table[-1])
            page.get_by_text("002 macs 31% acc 97.0").wait_for(timeout=60_000)
            headings = [text.strip() for text in page.get_by_role("columnheader").all_inner_texts()]
            assert headings.index("accuracy") < headings.index("macs") < headings.index("front")
            page.goto(own[-1])
            page.locator('img[src^="get-artifact"]').wait_for(timeout=60_000)
            assert page.evaluate(_PICTURE_WIDTH) == 1
    assert errors == []


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as answer:
        content: bytes = answer.read()
    return content


def _search_experiments(port: int) -> dict[str, list[dict[str, str]]]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/2.0/mlflow/experiments/search",
        data=json.dumps({"max_results": 10}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        found: dict[str, list[dict[str, str]]] = json.load(answer)
    return found


def _processes_of_server(port: int) -> list[int]:
    """The processes whose command line names the port, apart from our own program."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().decode().split("\0")
        except OSError:
            continue
        if str(port) in words and "-c" not in words:
            found.append(int(entry.parent.name))
    return found


def _still_running(processes: list[int]) -> list[int]:
    for _ in range(50):
        left = [number for number in processes if Path(f"/proc/{number}").exists()]
        if not left:
            break
        time.sleep(0.1)
    return left
