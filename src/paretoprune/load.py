"""Saved models and sweeps, back in one line: `load_model(folder)`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, cast

import yaml
from torch import nn

from paretoprune.config import Target
from paretoprune.errors import SettingsError, WeightsError
from paretoprune.files import read_json
from paretoprune.graph.compact import COMPACT_FILE
from paretoprune.mistakes import split_model
from paretoprune.pruning import Groups, Plan, apply_plan, fit_state, load_state
from paretoprune.quantization import compact_state
from paretoprune.targets import build, find_mistakes

WEIGHTS = "model.safetensors"


def load_model(
    folder: str | Path,
    *,
    trust: Sequence[str] = (),
    weights: Literal["full", "compact"] | None = None,
) -> nn.Module:
    """The pruned model in a folder that `pick` exported, in eval mode on the CPU.

    `weights="full"` loads `model.safetensors`, `"compact"` the rounded weights of
    `model.compact.safetensors`; None takes the first of these that is in the folder.

    `trust` names the packages of your own that the model's class may come from: the folder's
    config alone cannot make this function import anything else. Needs neither data nor training
    code, and no pickle. Raises WeightsError for a missing or damaged file, SettingsError for a
    class that is not trusted or not there.
    """
    folder = Path(folder)
    dense = load_dense(folder, trust=trust)
    try:
        groups = Groups.from_json(read_json(folder / "groups.json"))
        plan = Plan.from_json(read_json(folder / "plan.json"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{folder} is no exported model: {error}") from error
    pruned = apply_plan(dense, groups.prunable, plan)
    if weights == "compact" or (weights is None and not (folder / WEIGHTS).exists()):
        _load_compact(pruned, folder)
    else:
        load_state(pruned, folder / WEIGHTS)
    return pruned.eval()


def _load_compact(model: nn.Module, folder: Path) -> None:
    """Raises WeightsError where there is no compact file, or it does not fit the model."""
    path = folder / COMPACT_FILE
    if not path.exists():
        raise WeightsError(
            f"there is no weights file in {folder}: neither {WEIGHTS} nor {path.name}"
        )
    fit_state(model, compact_state(path.read_bytes(), model), path)


def load_dense(folder: Path, *, trust: Sequence[str] = ()) -> nn.Module:
    """The untrained dense architecture of an exported model; raises what `load_model` raises."""
    try:
        model_config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))["model"]
        info = read_json(folder / "data.json")
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as error:
        raise WeightsError(f"{folder} is no exported model: {error}") from error
    target = Target(**split_model(model_config)["target"])
    mistakes = find_mistakes(
        target, setting="model", trust=trust, provided=("num_classes", "in_channels")
    )
    if mistakes:
        raise SettingsError(mistakes)
    dense = build(target, num_classes=info["num_classes"], in_channels=info["input_shape"][0])
    return cast(nn.Module, dense.eval())
