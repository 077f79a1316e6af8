"""The MLflow UI: a small local server, shut down cleanly by Ctrl-C."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from types import FrameType

from paretoprune.config.redact import redact_uri
from paretoprune.errors import ParetopruneError, SettingsError
from paretoprune.tracking.addresses import sweep_addresses
from paretoprune.tracking.client import import_mlflow
from paretoprune.tracking.database import ensure_sqlite
from paretoprune.tracking.uri import is_server, sqlite_file

_HOST = "127.0.0.1"  # the server has no authentication, so it only listens on this machine
_ENDING_S = 10.0


def serve(
    uri: str,
    *,
    root: Path,
    say: Callable[[str], None],
    port: int = 5000,
    show: Callable[[str], object] | None = None,
) -> None:
    """Serve the runs stored at `uri` (from `resolve_uri`) on this machine until Ctrl-C.

    `say` gets a line for each step, with the addresses to open; `show`, once, the address of the
    latest sweep's table, or of the UI if there is no sweep.

    Raises:
        SettingsError: the port is in use.
        ParetopruneError: the server exited.
    """
    if is_server(uri):
        say(f"The runs are kept by the MLflow server at {redact_uri(uri)}: open it in a browser.")
        return
    _check_port(port)
    file = sqlite_file(uri)
    artifacts = (file.parent if file else root.resolve()) / "mlruns"
    say(f"Starting the MLflow UI for {redact_uri(uri)}; this takes some seconds.")
    try:
        if file and not file.exists():
            import_mlflow()
            ensure_sqlite(file, artifacts=artifacts)
        with _server(uri, port, artifacts) as server:
            _wait_until_ready(server, port)
            say(f"The MLflow UI is at http://{_HOST}:{port} (Ctrl-C ends it).")
            sweeps = sweep_addresses(_HOST, port)
            for line in (line for sweep in sweeps for line in sweep.lines()):
                say(line)
            if show:
                show(sweeps[0].table if sweeps else f"http://{_HOST}:{port}")
            server.wait()
            raise ParetopruneError(_ended(server))
    except KeyboardInterrupt:
        say("The MLflow UI has ended.")


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError as error:
            raise SettingsError(
                [
                    f"port {port} cannot be used on this machine ({error.strerror}); end what "
                    f"uses it, or take another one, for example `port={port + 1}`"
                ]
            ) from error


@contextmanager
def _server(uri: str, port: int, artifacts: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run MLflow's server; all its processes end with the block."""
    # MLflow's default is fifteen processes with 3 GB; this is two with 0.5 GB.
    command = [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--host", _HOST]
    command += ["--port", str(port), "--uvicorn-opts", "--log-level warning"]
    settings = {
        # not an argument, which other users can see: it may contain a password
        "MLFLOW_BACKEND_STORE_URI": uri,
        "MLFLOW_ARTIFACTS_DESTINATION": artifacts.as_uri(),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_LOGGING_LEVEL": "WARNING",
        "PYTHONWARNINGS": "ignore",  # from MLflow's own code, not actionable for users
    }
    with _hang_up_like_ctrl_c():
        # A session of its own, so that all its processes can be ended together.
        server = subprocess.Popen(
            command,
            env=os.environ | settings,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            yield server
        finally:
            _end(server)


def _wait_until_ready(server: subprocess.Popen[bytes], port: int) -> None:
    while server.poll() is None:
        connection = http.client.HTTPConnection(_HOST, port, timeout=5)
        try:
            connection.request("GET", "/health")
            if connection.getresponse().status == HTTPStatus.OK:
                return
        except (http.client.HTTPException, OSError):
            time.sleep(0.2)
        finally:
            connection.close()
    raise ParetopruneError(_ended(server))


def _end(server: subprocess.Popen[bytes]) -> None:
    """End the server's whole session: SIGTERM first, then SIGKILL."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C is ignored
    try:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(timeout=_ENDING_S)
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _hang_up_like_ctrl_c() -> Iterator[None]:
    """Treat SIGTERM and SIGHUP (a closed terminal) like Ctrl-C."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {
        number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ended(server: subprocess.Popen[bytes]) -> str:
    return f"the MLflow server ended by itself with code {server.returncode}; see its output above"
