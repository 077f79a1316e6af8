"""Trained models of trials, rebuilt and compared with the recorded measurements."""

from __future__ import annotations

from torch import nn

from paretoprune.errors import PickError
from paretoprune.metrics import is_rate
from paretoprune.pick.test_metrics import validation_quality
from paretoprune.problem.forms import load_delivered
from paretoprune.problem.problem import Problem
from paretoprune.pruning.structured.plan import Plan
from paretoprune.results import TrialResult
from paretoprune.storage.atomic import read_json
from paretoprune.storage.damage import reading
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.trial.context import counted_cost

# The same weights on the same data differ by rounding alone.
_SAME = 1e-3  # percentage points, parameters and MACs
_SAME_SHARE = 1e-4  # of a quality in another unit


def rebuilt_model(problem: Problem, folder: SweepFolder, trial: TrialResult) -> nn.Module:
    """Return the trial's model, built from the untrained architecture, the plan and the weights."""
    with reading(folder.path):
        plan = Plan.from_json(read_json(folder.trial(trial.number) / "plan.json"))
    weights = folder.trial(trial.number) / "model.safetensors"
    return load_delivered(problem.model, problem.groups, plan, weights).to(problem.device).eval()


def check_measured(problem: Problem, model: nn.Module, trial: TrialResult) -> None:
    """Raise PickError if the model is not the one measured in the trial."""
    cost = counted_cost(problem, model)
    found = {
        "params": cost.params,
        "macs": cost.macs,
        problem.task.qualities[0].name: validation_quality(problem.data, model),
    }
    measured = trial.metrics.measured()
    for name, value in found.items():
        expected = measured[name]
        if abs(value - expected) > _tolerance(name, expected):
            raise PickError(
                f"the rebuilt model of trial {trial.number} is not what was measured: "
                f"{name} {value:.6g}, measured {expected:.6g}; run its trial again by removing "
                "its folder and repeating the sweep's command"
            )


def _tolerance(name: str, expected: float) -> float:
    if name in ("params", "macs") or is_rate(name):
        return _SAME
    return _SAME_SHARE * abs(expected)
