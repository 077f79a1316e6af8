"""`paretoprune report NAME`: tables, pictures and the report, from the sweep's folder alone."""

from __future__ import annotations

import webbrowser
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from paretoprune.cli.parsing.arguments import (
    find_sweep,
    first_name,
    options_of,
    port_number,
    run_command,
)
from paretoprune.errors import SettingsError

_USAGE = """usage: paretoprune report NAME [published=FILE.csv] [serve=true] [send=true]

Write report.html, front.html, front.png, front.csv and trials.csv of the sweep NAME anew, from
what its folder holds. It may be called during a sweep, too.

  published=results.csv     results of others, to be drawn beside the front, now and later: a
                            column `name`, and columns as in front.csv, for example accuracy,macs
  serve=true                serve the report on localhost until Ctrl-C; while the sweep runs the
                            page reloads itself
  port=8000                 of serve=true
  open=true                 of serve=true: open the report in the web browser
  trust=[my_package]        as for the other commands; a report calls no code of yours
  send=true                 send to MLflow what it lacks of the sweep, too, and wait for as long as
                            it answers
  tracking.uri=URI          where MLflow is, for a sweep whose URI had a password
"""


def main() -> None:
    """Entry point of the command."""
    run_command(_USAGE, _run)


def _run(arguments: Sequence[str]) -> None:
    name = first_name(arguments)
    options = options_of(
        arguments[1:],
        known=("published", "serve", "port", "open", "send", "tracking.uri", "sweeps_dir", "trust"),
    )
    send_it, serve_it, open_it = (_switch(options, key) for key in ("send", "serve", "open"))
    port = port_number(options, 8000)
    if not serve_it and (unused := [key for key in ("port", "open") if key in options]):
        raise SettingsError([f"`{unused[0]}` is an option of `serve=true`"])
    path = find_sweep(Path(options.get("sweeps_dir", "sweeps")), name)
    # The large libraries are imported once the command is known to be right.
    from paretoprune.report.rebuild import rebuild_report
    from paretoprune.storage.sweep_folder import SweepFolder

    folder = SweepFolder(path)
    published = Path(options["published"]) if "published" in options else None
    print(f"{rebuild_report(folder, published=published)} is written; open it in a browser")
    if send_it:
        from paretoprune.cli.display.terminal import make_console
        from paretoprune.report.sent import send

        make_console()  # which shows the messages of the sending
        send(folder, uri=options.get("tracking.uri"))
        print("MLflow has all trials of the sweep")
    if serve_it:
        _serve(path, port=port, show=open_it)


def _switch(options: Mapping[str, str], key: str) -> bool:
    if (wish := options.get(key, "false")) not in ("true", "false"):
        raise SettingsError([f"`{key}={wish}` must be true or false"])
    return wish == "true"


def _serve(folder: Path, *, port: int, show: bool) -> None:
    from paretoprune.report.serve import serve_report

    def ready(address: str) -> None:
        print(f"the report is at {address} (Ctrl-C ends it)", flush=True)
        if show:
            webbrowser.open(address)

    with suppress(KeyboardInterrupt):  # this is how one ends it
        serve_report(folder, port=port, ready=ready)
