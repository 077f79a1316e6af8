"""Published parts of a sweep: tables, pictures and settings, without paths of the machine."""

from __future__ import annotations

import csv
import json
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_PICTURE = "front.png"
_TEXTS = ("front.csv", "config.yaml")
_PAGE, _MOST_BYTES = "report.html", 300_000
_ABSOLUTE = re.compile(r"(?:^|[\s\[,='\"])(/[\w.+-]+(?:/[\w.+-]+)+)")  # in settings


def machine_paths(*, data: Path, sweeps: Path, checkout: Path) -> dict[str, str]:
    """Return the paths of this machine and what stands for each of them, the longest first."""
    named = {
        str(sweeps / ".cache"): ".cache",
        str(sweeps): "sweeps",
        str(data): "DATA",
        str(checkout): ".",
        sys.prefix: "PYTHON",
        str(Path.home()): "~",
    }
    return dict(sorted(named.items(), key=lambda item: -len(item[0])))


def publish(sweep: Path, target: Path, names: Mapping[str, str]) -> None:
    """Copy the front, its picture and settings of a sweep, and the report unless it is large.

    Raises ValueError if a path of the machine is left in the settings.
    """
    target.mkdir(parents=True, exist_ok=True)
    for name in _TEXTS:
        text = without_paths((sweep / name).read_text(encoding="utf-8"), names)
        if found := _ABSOLUTE.findall(text):
            raise ValueError(f"{name} has paths of this machine: {', '.join(found)}")
        (target / name).write_text(text, encoding="utf-8")
    shutil.copyfile(sweep / _PICTURE, target / _PICTURE)
    page = without_paths((sweep / _PAGE).read_text(encoding="utf-8"), names)
    if len(page.encode()) < _MOST_BYTES:
        (target / _PAGE).write_text(page, encoding="utf-8")


def without_paths(text: str, names: Mapping[str, str]) -> str:
    """Return the text with each of these paths replaced by its name."""
    for path, name in names.items():
        text = re.sub(re.escape(path) + r"(?![\w-])", name, text)
    return text


def write_table(folder: Path) -> None:
    """Write the README of the folder of all published sweeps."""
    sweeps = sorted(path.parent for path in folder.glob("*/made.json"))
    lines = [
        "# Reference sweeps",
        "",
        "Written by `python benchmarks/reference_sweeps.py`, which says which files DATA holds.",
        "Budgets are trials and epochs, so that the same seed gives the same front on the same",
        "kind of processor; the times are those of one thread on a busy machine. All figures are",
        "validation figures of one seed: differences between neighbours are within its noise.",
        "Trainings are short, some on a part of the training data (see each command), so that a",
        "sweep takes minutes; a dense model that had little training is surpassed by pruned ones,",
        "which are trained on.",
        "",
        *(line for sweep in sweeps for line in _section(sweep)),
    ]
    (folder / "README.md").write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


def _section(sweep: Path) -> Sequence[str]:
    made = json.loads((sweep / "made.json").read_text(encoding="utf-8"))
    with (sweep / "front.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    quality, size = rows[0][4:6]  # the objectives
    return [
        f"## {sweep.name}",
        "",
        f"`{made['command']}`: {made['cpu_seconds']} CPU s, {made['processor']}, one thread, "
        f"seed {made['seed']}, torch {made['torch']}. It runs",
        "",
        f"    {made['runs']}",
        "",
        f"![front]({sweep.name}/{_PICTURE})",
        "",
        f"| {size} | {quality} |",
        "|---|---|",
        *(f"| {int(float(row[5])):,} | {float(row[4]):.4g} |" for row in rows[1:]),
        "",
    ]
