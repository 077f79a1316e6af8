"""`paretoprune compare A B ...`: the fronts of several sweeps, as a page and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from paretoprune.cli.parsing.arguments import find_sweep, options_of, run_command, sweeps_there
from paretoprune.errors import SettingsError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from paretoprune.report.comparison.page import ComparedGroup

_USAGE = """usage: paretoprune compare A B ... [out=FILE.html] [sweeps_dir=...]

Lay the fronts of the sweeps A, B ... over one another: a table here, and a page to explore.
Sweeps that differ in their seed alone are taken together; of two or more the page shows what half
of the seeds attain, and the band between a quarter and three quarters of them.

  out=sweeps/compare.html   file of the page
  trust=[my_package]        as for the other commands; fronts are compared without it
"""
# The last are left out first where the console is narrow.
_COLUMNS = ("retained area", "hypervolume", "on the front", "trials", "seed")


def main() -> None:
    """Entry point of the command."""
    run_command(_USAGE, _run)


def _run(arguments: Sequence[str]) -> None:
    given = [argument for argument in arguments if "=" in argument or argument.startswith("-")]
    names = list(dict.fromkeys(argument for argument in arguments if argument not in given))
    options = options_of(given, known=("out", "sweeps_dir", "trust"))
    sweeps = Path(options.get("sweeps_dir", "sweeps"))
    if not names:
        raise SettingsError([f"sweeps to compare must be named; {sweeps_there(sweeps, '')}"])
    paths = [find_sweep(sweeps, name) for name in names]
    # The large libraries are imported once the command is known to be right.
    from rich.console import Console

    from paretoprune.report.comparison.page import write_comparison
    from paretoprune.report.comparison.sweeps import compare
    from paretoprune.storage.sweep_folder import SweepFolder

    comparison = compare([SweepFolder(path) for path in paths])
    out = Path(options.get("out", sweeps / "compare.html"))
    write_comparison(out, comparison)
    console = Console()
    console = console if console.is_terminal else Console(width=200)
    console.print(_table(console, comparison.groups))
    for note in comparison.notes:
        console.print(note)
    console.print(f"{out} is written; open it in a browser", soft_wrap=True)


def _table(console: Console, groups: Sequence[ComparedGroup]) -> Table:
    from rich.table import Table

    from paretoprune.cli.display.fitting import fitting_table

    def make(optional: Sequence[str]) -> Table:
        table = Table(header_style="bold")
        for heading in ("sweep", *optional):
            table.add_column(heading, justify="left" if heading == "sweep" else "right")
        for group in groups:
            names = ", ".join(sweep.name for sweep in group.sweeps)
            table.add_row(names, *(_figures(group)[heading] for heading in optional))
        return table

    return fitting_table(console, make, _COLUMNS)


def _figures(group: ComparedGroup) -> dict[str, str]:
    """Return the figures of sweeps that differ in their seed, by the heading of the column."""
    sweeps = group.sweeps
    return {
        "retained area": _spread([sweep.retained_area for sweep in sweeps]),
        "hypervolume": _spread([sweep.hypervolume for sweep in sweeps]),
        "on the front": ", ".join(str(len(sweep.front)) for sweep in sweeps),
        "trials": ", ".join(str(sweep.num_trials) for sweep in sweeps),
        "seed": ", ".join(sweep.seed for sweep in sweeps),
    }


def _spread(values: Sequence[float]) -> str:
    """The value; of several the median, with the least and the most."""
    if len(values) == 1:
        return f"{values[0]:.3f}"
    return f"{median(values):.3f} ({min(values):.3f} to {max(values):.3f})"
