"""Schedules: how a trial carries out its plan while it trains. One function each."""

from __future__ import annotations

from collections.abc import Mapping

from paretoprune.schedules.gradual import gradual
from paretoprune.schedules.one_by_one import one_by_one
from paretoprune.schedules.regrow import regrow
from paretoprune.schedules.stages import at_init, in_stages, lottery
from paretoprune.schedules.steps import Schedule, Start, Trained

SCHEDULES: Mapping[str, Schedule] = {
    "one_shot": in_stages,
    "iterative": in_stages,
    "gradual": gradual,
    "one_by_one": one_by_one,
    "lottery": lottery,
    "regrow": regrow,
    "at_init": at_init,
}

__all__ = ["SCHEDULES", "Schedule", "Start", "Trained"]
