"""The report of a sweep: report.html to explore, front.html and front.png with its figure alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from paretoprune.report.pages import make_page
from paretoprune.report.pictures.front_png import front_png
from paretoprune.report.report_content import report_content
from paretoprune.report.sweep_facts import SweepFacts, picture_of
from paretoprune.storage.atomic import write_bytes, write_text

_SCRIPTS = ("dom", "numbers", "marks", "chart", "trial", "front", "numerics", "sections", "report")


def write_report(folder: Path, facts: SweepFacts) -> None:
    """Write `report.html` and `front.html` into the sweep's folder, each all or nothing."""
    content = report_content(facts)
    write_text(folder / "report.html", _page(content, only_front=False))
    write_text(folder / "front.html", _page(content, only_front=True))


def write_front_png(folder: Path, facts: SweepFacts) -> None:
    """Write `front.png`, all or nothing. It takes a second; the pages take milliseconds."""
    write_bytes(folder / "front.png", front_png(picture_of(facts)))


def _page(content: dict[str, Any], *, only_front: bool) -> str:
    shown = {**content, "only_front": only_front}
    return make_page(shown, title=f"{content['title']}: report", scripts=_SCRIPTS)
