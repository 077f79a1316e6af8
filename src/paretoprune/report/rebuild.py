"""A sweep's report, made again from its folder."""

from __future__ import annotations

from pathlib import Path

from paretoprune.errors import SweepError
from paretoprune.report.live import write_views
from paretoprune.report.published import read_published
from paretoprune.report.report import write_front_png
from paretoprune.storage.atomic import write_bytes
from paretoprune.storage.sweep_folder import SweepFolder


def rebuild_report(folder: SweepFolder, *, published: Path | None = None) -> Path:
    """Write pages, tables and pictures of a sweep from what its folder holds; give the page.

    `published` is a table of others' results, which the sweep keeps and draws from then on.

    Raises SweepError if the table cannot be read or no trial has finished yet.
    """
    if published is not None:
        read_published(published)
        write_bytes(folder.published, published.read_bytes())
    facts = write_views(folder, folder.read_results())
    if facts is None:
        raise SweepError(f"no trial of {folder.path} has finished yet; there is nothing to report")
    write_front_png(folder.path, facts)
    return folder.path / "report.html"
