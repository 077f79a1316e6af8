"""The plan of a search in words: how many models a budget trains, and for how long each."""

from __future__ import annotations

from collections.abc import Sequence


def in_words(epochs: Sequence[float], *, unit: str) -> str:
    """Return the plan as a sentence: "6 models, about 2.5 epochs each"."""
    models = "1 model" if len(epochs) == 1 else f"{len(epochs)} models"
    low, high = (f"{value:.2g}" for value in (min(epochs), max(epochs)))
    each = "" if len(epochs) == 1 else " each"
    about = "" if unit == "epochs" else "about "
    return f"{models}, {about}{low if low == high else f'{low} to {high}'} epochs{each}"
