"""Running cost of the models on a sweep's front, or of an exported model, beside the dense one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from paretoprune.config.load import load_settings
from paretoprune.errors import SweepError
from paretoprune.export.load import load_dense, load_model
from paretoprune.measure.device import device_name
from paretoprune.measure.request import Request, device_of
from paretoprune.measure.running_cost import DENSE, compare_running
from paretoprune.problem.forms import delivered_architecture
from paretoprune.problem.sources import Configured
from paretoprune.pruning.groups import Groups
from paretoprune.pruning.structured.checkpoint import load_state
from paretoprune.pruning.structured.plan import Plan
from paretoprune.results import DataInfo
from paretoprune.results.measurements import RunningCost
from paretoprune.search.front.front import front_of
from paretoprune.storage.atomic import read_json
from paretoprune.storage.damage import reading
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.sweep.baselines import objectives_in
from paretoprune.tasks.stand_in import stand_in


@dataclass(frozen=True)
class RunningTable:
    """Running costs by model, the dense model first, and the conditions of the measurement."""

    costs: Mapping[str, RunningCost]
    device: str  # its name, and the threads on a CPU
    batch: int  # samples in a pass
    engine: str


def measure_running(folder: Path, request: Request) -> RunningTable:
    """Measure in turn the models of a sweep's front, or the exported model, in `folder`.

    Raises SettingsError, SweepError or WeightsError for what is not there.
    """
    if (folder / "trials").is_dir():
        with reading(folder):
            models = _front(SweepFolder(folder), request.trust)
            info = DataInfo.from_json(read_json(folder / "dense" / "data.json"))
    elif (folder / "plan.json").is_file():
        models = {DENSE: load_dense(folder, trust=request.trust)}
        models[folder.name] = load_model(folder, trust=request.trust)
        info = DataInfo.from_json(read_json(folder / "data.json"))
    else:
        raise SweepError(f"`{folder}` is neither a sweep's folder nor an exported model")
    return measure_models(models, info, request)


def measure_models(
    models: Mapping[str, nn.Module], info: DataInfo, request: Request
) -> RunningTable:
    """Measure models by name, the dense one first, on inputs like those of a data set."""
    device = device_of(request)
    batch = stand_in(info, request.batch, seed=0)
    costs = compare_running(
        {key: model.to(device) for key, model in models.items()},
        batch.to(device),
        engine=request.engine,
        threads=request.threads,
        repeats=request.repeats,
    )
    threads = f", {request.threads} thread{'s' if request.threads > 1 else ''}"
    where = device_name(device) + (threads if device.type == "cpu" else "")
    return RunningTable(costs, where, request.batch, request.engine)


def _front(folder: SweepFolder, trust: Sequence[str]) -> dict[str, nn.Module]:
    """The dense model, and those of the front by their plans; weights do not affect the times."""
    settings = load_settings(folder.read_config(), trust=trust)
    info = DataInfo.from_json(read_json(folder.dense / "data.json"))
    groups = Groups.from_json(read_json(folder.dense / "groups.json"))
    dense = Configured(settings).model(info.for_model)
    load_state(dense, folder.dense / "model.safetensors")
    results = {result.number: result for result in folder.read_results()}
    models = {DENSE: dense}
    front = front_of(list(results.values()), objectives_in(folder, settings))
    for number in (number for number in results if number in front):
        plan = Plan.from_json(read_json(folder.trial(number) / "plan.json"))
        if plan.removed:
            models[f"{number:04d}"] = delivered_architecture(dense, groups, plan)
    return models
