"""MLflow's own server in a process of its own, and a proxy that makes it slow or faulty."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.kits.servers import free_port

PASSWORD = "a-password-of-sixteen"
# Without the cache the server hashes the password for each request, which takes half a second.
_AUTH = """[mlflow]
default_permission = READ
database_uri = sqlite:///{folder}/auth.db
admin_username = admin
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
auth_cache_ttl_seconds = 3600
"""
Fault = Callable[[int, str], str]  # of the n-th request to a path: "", "refuse" or "forget"


@dataclass
class Server:
    """An MLflow server that asks for a password, with a database and artifacts in its folder."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        """The address, without a user."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def user_uri(self) -> str:
        """The address with the name and the password of a user."""
        return with_user(self.uri)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1"]
        command += ["--port", str(self.port), "--workers", "1"]
        command += ["--backend-store-uri", f"sqlite:///{self.folder}/server.db"]
        command += ["--artifacts-destination", str(self.folder / "artifacts")]
        command += ["--app-name", "basic-auth"]
        settings = self.folder / "auth.ini"
        settings.write_text(_AUTH.format(folder=self.folder))
        secrets = {"MLFLOW_AUTH_ADMIN_PASSWORD": PASSWORD, "MLFLOW_AUTH_CONFIG_PATH": str(settings)}
        secrets["MLFLOW_FLASK_SERVER_SECRET_KEY"] = "of these tests"
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=self.folder, env={**os.environ, **secrets},
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + 150
        while not self._answers():
            text = (self.folder / "log").read_text()
            assert self.process.poll() is None, text
            assert time.monotonic() < deadline, text
            time.sleep(0.2)

    def kill(self) -> None:
        """Kill the server and its workers."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.uri}/health", timeout=5):
                return True
        except OSError:
            return False


def with_user(uri: str) -> str:
    """The address with the name and the password of a user."""
    return uri.replace("://", f"://admin:{PASSWORD}@")


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """The server, killed at the end of the block."""
    try:
        server.start()
        yield server
    finally:
        server.kill()


@contextmanager
def proxied(
    server: Server, *, fault: Fault = lambda n, path: "", delay_s: float = 0.0
) -> Iterator[str]:
    """The address of a proxy. It refuses requests, or carries them out and forgets the answer."""
    count, lock = [0], threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            time.sleep(delay_s)
            with lock:
                count[0] += 1
                action = fault(count[0], self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if action == "refuse":
                return self.answer(500, b"{}")
            status, answer = self.forwarded(body)
            if action == "forget":
                return self.answer(500, b"{}")
            return self.answer(status, answer)

        do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

        def forwarded(self, body: bytes) -> tuple[int, bytes]:
            upstream = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
            headers = {k: v for k, v in self.headers.items() if k.lower() != "accept-encoding"}
            try:
                upstream.request(self.command, self.path, body, headers)
                answer = upstream.getresponse()
                return answer.status, answer.read()
            finally:
                upstream.close()

        def answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=proxy.serve_forever)
    thread.start()
    try:
        yield with_user(f"http://127.0.0.1:{proxy.server_port}")
    finally:
        proxy.shutdown()
        thread.join()
        proxy.server_close()
