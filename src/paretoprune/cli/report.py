"""`paretoprune report NAME`: tables, pictures and the report, from the sweep's folder alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from paretoprune.cli.arguments import find_sweep, options_of, run_command
from paretoprune.errors import SettingsError

_USAGE = """usage: paretoprune report NAME [published=FILE.csv] [send=true] [sweeps_dir=...]

Write report.html, front.html, front.png, front.csv and trials.csv of the sweep NAME anew, from
what its folder holds. A running sweep may be looked at too.

  published=results.csv     results of others, to be drawn beside the front, now and later: a
                            column `name`, and columns as in front.csv, for example accuracy,macs
  trust=[my_package]        as for the other commands; a report calls no code of yours
  send=true                 send to MLflow what it lacks of the sweep, too, and wait for as long as
                            it answers
  tracking.uri=URI          where MLflow is, for a sweep whose URI had a password
"""


def main() -> None:
    """Entry point of the command."""
    run_command(_USAGE, _run)


def _run(arguments: Sequence[str]) -> None:
    name = arguments[0]
    options = options_of(
        arguments[1:], known=("published", "send", "tracking.uri", "sweeps_dir", "trust")
    )
    if (wish := options.get("send", "false")) not in ("true", "false"):
        raise SettingsError([f"`send={wish}` must be true or false"])
    path = find_sweep(Path(options.get("sweeps_dir", "sweeps")), name)
    # The large libraries are imported once the command is known to be right.
    from paretoprune.report.rebuild import rebuild_report
    from paretoprune.storage.sweep_folder import SweepFolder

    folder = SweepFolder(path)
    published = Path(options["published"]) if "published" in options else None
    print(f"{rebuild_report(folder, published=published)} is written; open it in a browser")
    if wish == "true":
        from paretoprune.cli.display.terminal import make_console
        from paretoprune.report.sent import send

        make_console()  # which shows the messages of the sending
        send(folder, uri=options.get("tracking.uri"))
        print("MLflow has all trials of the sweep")
