"""`python -m src.ui`: the MLflow UI on localhost."""

from __future__ import annotations

import sys
from pathlib import Path

from paretoprune.cli.compose import fail
from paretoprune.errors import ParetopruneError

_USAGE = """usage: python -m src.ui [port=5000] [uri=sqlite:///elsewhere.db]

Open the MLflow UI of this project on localhost. Ctrl-C ends it.
"""


def main() -> None:
    """Entry point of the command."""
    options = dict(argument.partition("=")[::2] for argument in sys.argv[1:])
    if not set(options) <= {"port", "uri"} or not options.get("port", "5000").isdigit():
        print(_USAGE)
        sys.exit(0 if set(options) & {"-h", "--help", "help"} else 2)
    from paretoprune.tracking import resolve_uri, serve

    try:
        uri = resolve_uri(options.get("uri"), root=Path.cwd())
        serve(uri, root=Path.cwd(), port=int(options.get("port", "5000")))
    except ParetopruneError as error:
        fail(str(error))
    except KeyboardInterrupt:
        pass
