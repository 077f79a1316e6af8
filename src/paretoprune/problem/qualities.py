"""The quality that stands for a sweep: the first objective that is one, else the task's first."""

from __future__ import annotations

from paretoprune.config.settings import Settings
from paretoprune.metrics import QUANTITIES, Quantity, first_quality, quantity_of

TASK_QUALITY = QUANTITIES["accuracy"]  # the first of the task


def front_quality(settings: Settings) -> Quantity:
    """Return the quality that limits, targets and reports of these settings are about."""
    name = first_quality(settings.search.objectives) if settings.search else None
    return quantity_of(name) if name else TASK_QUALITY
