"""Schedules by name."""

from __future__ import annotations

from collections.abc import Mapping

from paretoprune.trial.schedules.gradual import gradual
from paretoprune.trial.schedules.one_by_one import one_by_one
from paretoprune.trial.schedules.regrow import regrow
from paretoprune.trial.schedules.stages import at_init, in_stages, lottery
from paretoprune.trial.schedules.steps import Schedule

SCHEDULES: Mapping[str, Schedule] = {
    "one_shot": in_stages,
    "iterative": in_stages,
    "gradual": gradual,
    "one_by_one": one_by_one,
    "lottery": lottery,
    "regrow": regrow,
    "at_init": at_init,
}
