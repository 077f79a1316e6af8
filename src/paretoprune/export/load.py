"""Loading of exported models: `load_model(folder)`."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, cast

from torch import nn

from paretoprune.config.callables import trusted_packages
from paretoprune.config.instantiate import build
from paretoprune.config.target import Target
from paretoprune.config.targets.arguments import find_mistakes
from paretoprune.config.targets.form import split_model
from paretoprune.config.targets.trust import trust_advice
from paretoprune.errors import ParetopruneError, SettingsError, WeightsError
from paretoprune.formats.compact import COMPACT_FILE
from paretoprune.models.memory_limit import within_memory
from paretoprune.models.requirements import initialise_lazy
from paretoprune.problem.forms import delivered_architecture
from paretoprune.pruning.groups import Groups
from paretoprune.pruning.structured.checkpoint import fit_state, load_state
from paretoprune.pruning.structured.plan import Plan
from paretoprune.quantization.compact import compact_state
from paretoprune.results import DataInfo
from paretoprune.storage.atomic import read_json
from paretoprune.storage.foreign.bounded import check_names, read_bytes, read_yaml
from paretoprune.storage.foreign.layout import check_exported
from paretoprune.tasks.stand_in import stand_in

_ARCHITECTURE = ("config.yaml", "data.json")
_COUNTS = {"num_classes", "in_channels"}  # of a classifier
_PRUNED = ("groups.json", "plan.json")
_SLACK_BYTES = 2**24  # of a compact file, beside its weights: names and shapes

WEIGHTS = "model.safetensors"


def load_model(
    folder: str | Path,
    *,
    trust: Sequence[str] = (),
    weights: Literal["full", "compact"] | None = None,
    model: nn.Module | None = None,
) -> nn.Module:
    """The pruned model in a folder that `pick` exported, in eval mode on the CPU.

    `weights="full"` loads `model.safetensors`, `"compact"` the rounded weights of
    `model.compact.safetensors`; None takes the first of these that is in the folder.

    `trust` names the packages of your own that the model's class may come from: the folder's
    config alone cannot make this function import anything else. `model` is the dense network, where
    the sweep was given one as an object (`paretoprune.search`): a copy of it is pruned, and its
    weights do not matter. Needs neither data nor training
    code, and no pickle. Raises WeightsError for a missing, damaged or absurd file, SettingsError
    for a class that is not trusted or not there.
    """
    folder = Path(folder)
    check_exported(folder)
    dense = load_dense(folder, trust=trust) if model is None else copy.deepcopy(model).cpu().eval()
    _check_files(folder, _PRUNED)
    with _as_our_error(folder):
        groups = Groups.from_json(read_json(folder / "groups.json"))
        plan = Plan.from_json(read_json(folder / "plan.json"))
        pruned = delivered_architecture(dense, groups, plan)
        if weights == "compact" or (weights is None and not (folder / WEIGHTS).exists()):
            _load_compact(pruned, folder)
        else:
            _check_files(folder, (WEIGHTS,))
            load_state(pruned, folder / WEIGHTS)
        return pruned.eval()


def _load_compact(model: nn.Module, folder: Path) -> None:
    """Raises WeightsError where there is no compact file, or it does not fit the model."""
    path = folder / COMPACT_FILE
    if not (path.exists() or path.is_symlink()):
        raise WeightsError(
            f"there is no weights file in {folder}: neither {WEIGHTS} nor {path.name}"
        )
    _check_files(folder, (COMPACT_FILE,))
    weights_bytes = sum(t.numel() * t.element_size() for t in model.state_dict().values())
    content = read_bytes(path, most_bytes=2 * weights_bytes + _SLACK_BYTES)
    check_names(path)
    fit_state(model, compact_state(content, model), path)


def load_dense(folder: Path, *, trust: Sequence[str] = ()) -> nn.Module:
    """The untrained dense architecture of an exported model; raises what `load_model` raises."""
    trust = trusted_packages(trust)
    check_exported(folder)
    _check_files(folder, _ARCHITECTURE)
    with _as_our_error(folder):
        model_config = read_yaml(folder / "config.yaml")["model"]
        info = DataInfo.from_json(read_json(folder / "data.json"))
        offered = info.for_model
        _check_count("num_classes", info.num_classes, least=0)
        for name in _COUNTS & offered.keys():
            _check_count(name, offered[name])
        target = Target(**split_model(model_config, trust)["target"])
        mistakes = find_mistakes(target, setting="model", provided=tuple(offered))
        if mistakes:
            raise SettingsError([*mistakes, *trust_advice([target])])
        with within_memory():
            dense = initialise_lazy(cast(nn.Module, build(target, **offered)), stand_in(info, 2))
        return dense.eval()


def _check_files(folder: Path, names: Sequence[str]) -> None:
    """Raises WeightsError where a file is missing, or is a folder, a pipe or a dangling link."""
    for name in names:
        path = folder / name
        if not path.is_file():
            there = path.is_symlink() or path.exists()
            problem = f"its {name} is no file" if there else f"there is no file {path}"
            raise WeightsError(f"{folder} is no exported model: {problem}")


def _check_count(name: str, count: object, *, least: int = 1) -> None:
    if type(count) is not int or count < least:
        raise WeightsError(f"`{name}` must be a whole number, {least} or more, got {count!r}")


@contextmanager
def _as_our_error(folder: Path) -> Iterator[None]:
    """Convert any exception that a foreign folder raises into WeightsError, with its cause."""
    try:
        yield
    except ParetopruneError:
        raise
    except Exception as error:  # no list of them would be complete
        cause = f"{type(error).__name__}: {error}"[:300]
        raise WeightsError(
            f"{folder} is no exported model, or a damaged one ({cause}); export it again"
        ) from error
