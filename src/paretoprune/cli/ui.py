"""`paretoprune ui`: the MLflow UI on localhost."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from paretoprune.cli.arguments import options_of, run_command, whole_number

_USAGE = """usage: paretoprune ui [port=5000] [uri=sqlite:///elsewhere.db]

Open the MLflow UI of this project on localhost. Ctrl-C ends it.
"""


def main() -> None:
    """Entry point of the command."""
    run_command(_USAGE, _run, needs_arguments=False)


def _run(arguments: Sequence[str]) -> None:
    options = options_of(arguments, known=("port", "uri"))
    port = whole_number("port", options.get("port", "5000"))
    from paretoprune.tracking.ui import serve
    from paretoprune.tracking.uri import resolve_uri

    with suppress(KeyboardInterrupt):  # this is how one ends it
        uri = resolve_uri(options.get("uri"), root=Path.cwd())
        serve(uri, root=Path.cwd(), say=partial(print, flush=True), port=port)
