"""Pruning: which channels hang together, how important they are, and models without some of them.

The way of a model: `find_groups`, a scorer, `widths_for` and `make_plan`, `apply_plan`, and
`check_equivalence` before anything is trained.
"""

from __future__ import annotations

from paretoprune.pruning.apply import apply_plan, kept_positions
from paretoprune.pruning.candidate import Candidate, Narrowed, Zeroed
from paretoprune.pruning.checkpoint import fit_state, load_state, rebuild, save_state
from paretoprune.pruning.equivalence import check_equivalence
from paretoprune.pruning.file_size import FileSize
from paretoprune.pruning.find import find_groups
from paretoprune.pruning.groups import Group, Groups
from paretoprune.pruning.masks import mask_tensors, masked_model
from paretoprune.pruning.plan import Plan, make_plan
from paretoprune.pruning.rounding import step_of, widths_for
from paretoprune.pruning.scorers import (
    BatchNormScale,
    GateScores,
    Magnitude,
    Random,
    Scorer,
    Taylor,
    normalise,
)
from paretoprune.pruning.size import SizeModel

__all__ = [
    "BatchNormScale",
    "Candidate",
    "FileSize",
    "GateScores",
    "Group",
    "Groups",
    "Magnitude",
    "Narrowed",
    "Plan",
    "Random",
    "Scorer",
    "SizeModel",
    "Taylor",
    "Zeroed",
    "apply_plan",
    "check_equivalence",
    "find_groups",
    "fit_state",
    "kept_positions",
    "load_state",
    "make_plan",
    "mask_tensors",
    "masked_model",
    "normalise",
    "rebuild",
    "save_state",
    "step_of",
    "widths_for",
]
