"""A trial of the front: rebuilt, proved to be what was measured, tested once and exported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import nn

from paretoprune.cli.first import group_infos, search_of
from paretoprune.cli.front import dense_metrics, print_front
from paretoprune.cli.terminal import make_console
from paretoprune.delivery import CardFacts, PickRequest, choose, export_model, model_card
from paretoprune.delivery.quantities import written
from paretoprune.errors import PickError
from paretoprune.files import read_json
from paretoprune.measure import device_name, measure_quality
from paretoprune.mistakes import load_settings
from paretoprune.outline import Outline, outline
from paretoprune.prepare import counted_cost
from paretoprune.pruning import Plan, rebuild
from paretoprune.pruning.checkpoint import load_state
from paretoprune.results import Metrics, Quality, TrialResult
from paretoprune.search import front_of
from paretoprune.sweep_folder import SweepFolder

_SAME = 1e-3  # percentage points: the same weights on the same data differ by rounding alone


def pick_and_export(path: Path, request: PickRequest) -> None:
    """Print the front, choose, verify, test and export.

    Raises PickError if no trial of the front satisfies the request or the rebuilt model is not
    the measured one, WeightsError for damaged weights.
    """
    console = make_console()
    folder = SweepFolder(path)
    settings = load_settings(folder.read_config())
    objectives = search_of(settings).objectives
    results = folder.read_results()
    trial = choose(
        results,
        front=front_of(results, objectives),
        dense=dense_metrics(results) or Metrics(),
        request=request,
        objectives=objectives,
    )
    print_front(console, results, objectives, path)
    task = outline(settings)
    model = _rebuilt(task, folder, trial)
    _check_it_is_what_was_measured(task, model, trial)
    target = path / "picked" / f"{trial.number:04d}"
    tested = _test_once(task, folder, model, target)
    facts = _facts(task, results, trial, tested, name=path.name)
    export_model(
        target,
        model_state=model.state_dict(),
        plan_json=(folder.trial(trial.number) / "plan.json").read_text(encoding="utf-8"),
        groups_json=(folder.dense / "groups.json").read_text(encoding="utf-8"),
        data_json=(folder.dense / "data.json").read_text(encoding="utf-8"),
        metrics=_metrics(facts),
        config_yaml=folder.config.read_text(encoding="utf-8"),
        card=model_card(facts),
    )
    _print_picked(console, facts, target)


def _rebuilt(task: Outline, folder: SweepFolder, trial: TrialResult) -> nn.Module:
    """The trial's model, from the untrained architecture, the plan and the weights."""
    plan = Plan.from_json(read_json(folder.trial(trial.number) / "plan.json"))
    weights = folder.trial(trial.number) / "model.safetensors"
    return rebuild(task.model, task.groups.prunable, plan, weights).to(task.device).eval()


def _check_it_is_what_was_measured(task: Outline, model: nn.Module, trial: TrialResult) -> None:
    quality = _quality(task, model, task.data.val_dataloader())
    cost = counted_cost(task, model)
    found = {
        "params": cost.params,
        "macs": cost.macs,
        "accuracy": quality.accuracy,
    }
    for name, value in found.items():
        expected = getattr(trial.metrics, name)
        if abs(value - expected) > _SAME:
            raise PickError(
                f"the rebuilt model of trial {trial.number} is not what was measured: "
                f"{name} {value:.6g}, measured {expected:.6g}; run its trial again by removing "
                "its folder and repeating the sweep's command"
            )


def _test_once(
    task: Outline, folder: SweepFolder, model: nn.Module, target: Path
) -> Mapping[str, Quality]:
    """The test split's figures of the pruned and the dense model; an earlier pick's are kept."""
    earlier = target / "metrics.json"
    if earlier.is_file():
        known = read_json(earlier)
        return {name: Quality(**known["test"][name]) for name in ("pruned", "dense")}
    dense = task.model
    load_state(dense, folder.dense / "model.safetensors")
    loader = task.data.test_dataloader
    return {
        "pruned": _quality(task, model, loader()),
        "dense": _quality(task, dense.to(task.device).eval(), loader()),
    }


def _quality(task: Outline, model: nn.Module, loader: Any) -> Quality:
    return measure_quality(model, loader, num_classes=task.info.num_classes, device=task.device)


def _facts(
    task: Outline,
    results: Sequence[TrialResult],
    trial: TrialResult,
    tested: Mapping[str, Quality],
    *,
    name: str,
) -> CardFacts:
    settings = task.settings
    return CardFacts(
        sweep_name=name,
        model_name=settings.model.target.path,
        data_name=settings.data.path,
        data=task.info,
        groups=group_infos(task),
        trial=trial,
        dense=dense_metrics(results) or Metrics(),
        objectives=search_of(settings).objectives,
        num_trials=len(results),
        device=_device_name(task.device, settings.measure.latency_threads),
        test=_as_metrics(tested["pruned"]),
        dense_test=_as_metrics(tested["dense"]),
    )


def _as_metrics(quality: Quality) -> Metrics:
    return Metrics(**asdict(quality))


def _metrics(facts: CardFacts) -> dict[str, Any]:
    """What `metrics.json` holds."""
    assert facts.test is not None and facts.dense_test is not None
    return {
        "trial": facts.trial.number,
        "seed": facts.trial.seed,
        "validation": {
            "pruned": facts.trial.metrics.measured(),
            "dense": facts.dense.measured(),
        },
        "test": {"pruned": facts.test.measured(), "dense": facts.dense_test.measured()},
        "widths": dict(facts.trial.widths),
    }


def _device_name(device: torch.device, threads: int) -> str:
    if device.type == "cuda":
        return device_name(device)
    return f"{device_name(device)}, {threads} thread{'s' if threads > 1 else ''}"


def _print_picked(console: Console, facts: CardFacts, target: Path) -> None:
    pruned, dense = facts.trial.metrics, facts.dense
    test, dense_test = facts.test, facts.dense_test
    assert test is not None and dense_test is not None
    for name, value in pruned.measured().items():
        if name in ("macs", "params", "size_bytes", "latency_ms"):
            before = dense.measured().get(name)
            beside = f"   (dense {written(name, before)})" if before else ""
            console.print(f"{name:12s} {written(name, value)}{beside}")
    console.print(
        f"accuracy     validation {pruned.accuracy:.2f} % (dense {dense.accuracy:.2f} %), "
        f"test {test.accuracy:.2f} % (dense {dense_test.accuracy:.2f} %)"
    )
    console.print(f"trial {facts.trial.number} is exported to {target}")
    console.print(f'load it with: paretoprune.load_model("{target}")')
