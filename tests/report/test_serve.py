"""The report on localhost."""

from __future__ import annotations

import http.client
import queue
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from paretoprune.errors import SettingsError
from paretoprune.report.serve import HOST, serve_report


@pytest.fixture
def address(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """A folder with a report, and the port that it is served at."""
    (tmp_path / "report.html").write_text("first")
    (tmp_path / "config.yaml").write_text("secret")
    ready: queue.Queue[str] = queue.Queue()
    thread = threading.Thread(
        target=serve_report, args=(tmp_path,), kwargs={"port": 0, "ready": ready.put}, daemon=True
    )
    thread.start()
    yield tmp_path, int(ready.get(timeout=30).rsplit(":")[-1].strip("/"))


def get(port: int, path: str, host: str = HOST) -> tuple[int, str]:
    connection = http.client.HTTPConnection(HOST, port, timeout=30)
    connection.request("GET", path, headers={"Host": host})
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def test_the_page_is_the_one_in_the_folder_now(address: tuple[Path, int]) -> None:
    folder, port = address
    assert get(port, "/") == (200, "first")
    (folder / "report.html").write_text("second")
    assert get(port, "/report.html?x=1") == (200, "second")


@pytest.mark.parametrize("path", ["/config.yaml", "/../report.html", "/trials.csv", "/%2e%2e/x"])
def test_nothing_else_is_served(address: tuple[Path, int], path: str) -> None:
    assert get(address[1], path)[0] == 404


def test_another_sites_name_is_not_answered(address: tuple[Path, int]) -> None:
    assert get(address[1], "/", host="evil.example")[0] == 404
    assert get(address[1], "/", host="localhost:80")[0] == 200


def test_a_port_in_use_is_reported(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"port {port} cannot be used.*port={port + 1}"):
            serve_report(tmp_path, port=port, ready=lambda address: None)
