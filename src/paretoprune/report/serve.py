"""A sweep's report on localhost, as it is in the sweep's folder now."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from paretoprune.errors import SettingsError

HOST = "127.0.0.1"  # nothing asks for a password, so only this machine is answered
_TYPES = {
    "report.html": "text/html; charset=utf-8",
    "front.html": "text/html; charset=utf-8",
    "front.csv": "text/csv; charset=utf-8",
    "trials.csv": "text/csv; charset=utf-8",
    "front.png": "image/png",
}


def serve_report(folder: Path, *, port: int, ready: Callable[[str], object]) -> None:
    """Serve the report until Ctrl-C raises KeyboardInterrupt; `ready` gets its address.

    Raises SettingsError if the port is in use.
    """
    try:
        server = ThreadingHTTPServer((HOST, port), _handler_of(folder))
    except OSError as error:
        raise SettingsError(
            [
                f"port {port} cannot be used on this machine ({error.strerror}); end what uses it, "
                f"or take another one, for example `port={port + 1}`"
            ]
        ) from error
    with server:
        ready(f"http://{HOST}:{server.server_port}/")
        server.serve_forever(poll_interval=0.1)


def _handler_of(folder: Path) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Answers requests for the files of the report, and no others."""

        def do_GET(self) -> None:
            name = self.path.partition("?")[0].strip("/") or "report.html"
            # A page elsewhere may have a name that leads here: its requests carry that name.
            host = self.headers.get("Host", "").partition(":")[0]
            if name == "favicon.ico":  # browsers ask for it on their own
                self.send_response(HTTPStatus.NO_CONTENT)
                self.end_headers()
                return
            if name not in _TYPES or host not in (HOST, "localhost"):
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            try:
                content = (folder / name).read_bytes()
            except OSError:
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", _TYPES[name])
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Print nothing for each request."""

    return Handler
