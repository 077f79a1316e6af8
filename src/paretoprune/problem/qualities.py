"""The quality of a sweep's front: the first objective that is one, else the task's first."""

from __future__ import annotations

from paretoprune.metrics import Quantity
from paretoprune.objectives import first_quality
from paretoprune.problem.problem import Problem


def front_quality(problem: Problem) -> Quantity:
    """Return the quality used by limits, targets and reports of a problem."""
    search, known = problem.settings.search, problem.task.qualities
    name = first_quality(search.objectives) if search else None
    return next((quality for quality in known if quality.name == name), known[0])
