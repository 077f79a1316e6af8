"""`paretoprune ui`: the MLflow UI on localhost."""

from __future__ import annotations

import webbrowser
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from paretoprune.cli.parsing.arguments import options_of, port_number, run_command
from paretoprune.errors import SettingsError

_USAGE = """usage: paretoprune ui [port=5000] [uri=sqlite:///elsewhere.db] [open=true]

Open the MLflow UI of this project on localhost. Ctrl-C ends it. With open=true, the table of the
latest sweep is opened in the web browser.
"""


def main() -> None:
    """Entry point of the command."""
    run_command(_USAGE, _run, needs_arguments=False)


def _run(arguments: Sequence[str]) -> None:
    options = options_of(arguments, known=("port", "uri", "open"))
    port = port_number(options, 5000)
    shown = options.get("open", "false")
    if shown not in ("true", "false"):
        raise SettingsError([f"`open={shown}` must be true or false"])
    from paretoprune.tracking.ui import serve
    from paretoprune.tracking.uri import resolve_uri

    show = webbrowser.open if shown == "true" else None
    with suppress(KeyboardInterrupt):  # this is how one ends it
        uri = resolve_uri(options.get("uri"), root=Path.cwd())
        serve(uri, root=Path.cwd(), say=partial(print, flush=True), port=port, show=show)
