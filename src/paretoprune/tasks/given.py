"""A task that was given as an object, as the config of its sweep names it."""

from __future__ import annotations

from paretoprune.errors import SettingsError
from paretoprune.tasks.interface import Task


def given_task(text: str) -> Task:
    """Stand for the task that `paretoprune.search` was given as an object, whose repr is `text`.

    Raises SettingsError: no other process has the object, so nothing can be built.
    """
    raise SettingsError(
        [
            f"the task of this sweep, {text}, was given to paretoprune.search as an object, which "
            "only Python has: pick with paretoprune.search(...).pick() or "
            "paretoprune.pick(NAME, model=..., data=..., task=...)"
        ]
    )
