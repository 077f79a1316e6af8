"""A dense network that was given as an object, as the config of its sweep names it."""

from __future__ import annotations

from torch import nn

from paretoprune.errors import SettingsError


def given_model(class_name: str) -> nn.Module:
    """Stand for a network of this class that `paretoprune.search` was given as an object.

    Raises SettingsError: no other process has the object, so nothing can be built.
    """
    raise SettingsError(
        [
            f"the model of this sweep, a {class_name}, was given to paretoprune.search as an "
            "object, which only Python has: pick with paretoprune.search(...).pick() or "
            "paretoprune.pick(NAME, model=..., data=...), load an exported model with "
            "paretoprune.load_model(FOLDER, model=...)"
        ]
    )
