"""The entries of a folder of ours: folders where folders belong, and no link that leads out of it.

A folder from elsewhere may hold anything in their place. What is written follows links, so a link
could have files changed that belong to no sweep.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from paretoprune.errors import SweepError, WeightsError

_FOLDERS = ("trials", "dense", "picked")  # of a sweep


def check_sweep(folder: Path) -> None:
    """Check the entries of a sweep's folder, if there is one.

    Raises:
        SweepError: a file is in the place of a folder, or a link leads out of the folder.
    """
    if sentence := next(_misplaced(folder), None) or _link_out_of(folder):
        raise SweepError(sentence)


def check_exported(folder: Path) -> None:
    """Raise WeightsError where a link in the folder of an exported model leads nowhere.

    Such a folder is only read, so that its files may lie elsewhere, as in the caches of hubs.
    """
    for link in _links_in(folder):
        if _place_of(link) is None:
            raise WeightsError(f"{folder} is no exported model: {_lost(link)}")


def _link_out_of(folder: Path) -> str | None:
    """Return a sentence about the first link in a folder, at any depth, that leads out of it.

    The folder itself may be a link. Links that lead nowhere, or to themselves, lead out as well.
    """
    home = folder.resolve()
    for link in _links_in(folder):
        place = _place_of(link)
        if place is None:
            return _lost(link)
        if not place.is_relative_to(home):
            return (
                f"{link} is a link out of {folder}, to {place}; put a copy of that in its place, "
                "or remove the link"
            )
    return None


def _place_of(link: Path) -> Path | None:
    """Return the place to which a link leads; None if there is nothing, or a loop of links."""
    try:
        return link.resolve(strict=True)
    except (OSError, RuntimeError):  # Python 3.12 and earlier raise the latter for a loop
        return None


def _lost(link: Path) -> str:
    return f"{link} is a link that leads nowhere; remove it"


def _misplaced(folder: Path) -> Iterator[str]:
    """Yield a sentence for each file in the place of a folder of a sweep."""
    trials = folder / "trials"
    numbered = trials.iterdir() if trials.is_dir() else ()
    places = (folder, *(folder / name for name in _FOLDERS))
    for place in (*places, *sorted(path for path in numbered if path.name.isdecimal())):
        if place.exists() and not place.is_dir():
            yield f"{place} must be a folder, and is a file; move it out of the way, or remove it"


def _links_in(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        yield from (path for name in (*folders, *files) if (path := Path(place, name)).is_symlink())
