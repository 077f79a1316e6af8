"""Writing the pictures of a sweep's front into its folder."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from paretoprune.delivery.front_html import front_html
from paretoprune.delivery.front_png import front_png
from paretoprune.delivery.picture import make_picture
from paretoprune.files import write_bytes, write_text
from paretoprune.results import Direction, Metrics, TrialResult


def write_figures(
    folder: Path,
    results: Sequence[TrialResult],
    *,
    front: Collection[int],
    dense: Metrics,
    objectives: Mapping[str, Direction],
    title: str,
) -> None:
    """Write `front.png` and `front.html`, each all or nothing."""
    picture = make_picture(results, front=front, dense=dense, objectives=objectives, title=title)
    write_bytes(folder / "front.png", front_png(picture))
    write_text(folder / "front.html", front_html(picture))
