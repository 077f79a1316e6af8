"""Which models a latency command measures, and their table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from torch import nn

from paretoprune.cli.arguments import sweeps_there
from paretoprune.cli.display.terminal import make_console
from paretoprune.config.instantiate import build
from paretoprune.config.load import load_settings
from paretoprune.errors import SweepError
from paretoprune.export.load import load_dense, load_model
from paretoprune.measure.device import device_name
from paretoprune.measure.request import Request, device_of
from paretoprune.measure.running_cost import DENSE, compare_running
from paretoprune.metrics import busy_sentence, written
from paretoprune.problem.forms import delivered_architecture
from paretoprune.pruning.groups import Groups
from paretoprune.pruning.structured.checkpoint import load_state
from paretoprune.pruning.structured.plan import Plan
from paretoprune.results import RunningCost
from paretoprune.search.front.front import front_of
from paretoprune.storage.atomic import read_json
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.sweep.baselines import search_settings

_MIB = 2**20
_NO_ENERGY = "energy: this machine has no counter that may be read"
_NO_ENERGY_BUSY = "energy: not measured, since a counter would include what other programs use"


def measure_and_print(name: str, request: Request) -> None:
    """Measure the models of a sweep's front, or an exported one, and print a row for each.

    Raises SettingsError, SweepError or WeightsError for what is not there.
    """
    device = device_of(request)
    sweeps = Path(request.sweeps_dir)
    sweep = sweeps / name
    folder = sweep if (sweep / "config.yaml").is_file() else Path(name)
    if (folder / "trials").is_dir():
        models = _front(SweepFolder(folder), request.trust)
        shape = read_json(folder / "dense" / "data.json")["input_shape"]
    elif (folder / "plan.json").is_file():
        models = {DENSE: load_dense(folder, trust=request.trust)}
        models[folder.name] = load_model(folder, trust=request.trust)
        shape = read_json(folder / "data.json")["input_shape"]
    else:
        hint = sweeps_there(sweeps, name)
        raise SweepError(f"`{name}` is neither a sweep in {sweeps}/ nor an exported model; {hint}")
    batch = torch.randn(request.batch, *shape, generator=torch.Generator().manual_seed(0))
    costs = compare_running(
        {key: model.to(device) for key, model in models.items()},
        batch.to(device),
        engine=request.engine,
        threads=request.threads,
        repeats=request.repeats,
    )
    _print(make_console(), costs, request, device)


def _front(folder: SweepFolder, trust: Sequence[str]) -> dict[str, nn.Module]:
    """The dense model, and those of the front as its plans cut them out: weights cost no time."""
    settings = load_settings(folder.read_config(), trust=trust)
    info = read_json(folder.dense / "data.json")
    groups = Groups.from_json(read_json(folder.dense / "groups.json"))
    dense = build(
        settings.model.target,
        num_classes=info["num_classes"],
        in_channels=info["input_shape"][0],
    )
    load_state(dense, folder.dense / "model.safetensors")
    results = {result.number: result for result in folder.read_results()}
    models = {DENSE: dense}
    for number in front_of(list(results.values()), search_settings(settings).objectives):
        plan = Plan.from_json(read_json(folder.trial(number) / "plan.json"))
        if plan.removed:
            models[f"{number:04d}"] = delivered_architecture(dense, groups, plan)
    return models


def _print(
    console: Console,
    costs: Mapping[str, RunningCost],
    request: Request,
    device: torch.device,
) -> None:
    threads = f", {request.threads} thread{'s' if request.threads > 1 else ''}"
    where = device_name(device) + (threads if device.type == "cpu" else "")
    table = Table(title=f"{where}, batch {request.batch}, {request.engine}")
    for heading in (
        "model",
        "p50",
        "p95",
        "samples/s",
        "speed-up",
        "spread",
        "peak MiB",
        "mJ a pass",
    ):
        table.add_column(heading, justify="left" if heading == "model" else "right")
    for name, cost in costs.items():
        table.add_row(name, *_row(cost))
    console.print(table)
    busy = busy_sentence(cost.latency.contention for cost in costs.values())
    if busy:
        console.print(busy, highlight=False)
    if all(cost.energy_mj is None for cost in costs.values()):
        console.print(_NO_ENERGY_BUSY if busy else _NO_ENERGY, highlight=False)


def _row(cost: RunningCost) -> list[str]:
    latency, memory, energy = cost.latency, cost.peak_memory_bytes, cost.energy_mj
    assert latency.speedup is not None
    times = {
        "latency_ms": latency.latency_ms,
        "latency_p95_ms": latency.latency_p95_ms,
        "throughput_per_s": latency.throughput_per_s,
        "measured_speedup": latency.speedup,
    }
    return [
        *(written(name, value, spread=latency.spread) for name, value in times.items()),
        written("time_spread", latency.spread),
        "none" if memory is None else f"{memory / _MIB:.1f}",
        "none" if energy is None else f"{energy:.3g}",
    ]
