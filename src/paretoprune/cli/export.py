"""Trials of the front: rebuilt, proved to be what was measured, tested once and delivered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from torch import nn

from paretoprune.cli.bench import Bench
from paretoprune.cli.compacted import write_compact
from paretoprune.cli.first import group_infos, search_of
from paretoprune.cli.formats import write_formats
from paretoprune.cli.front import dense_metrics, print_front
from paretoprune.cli.int8 import write_int8
from paretoprune.cli.pick import Order
from paretoprune.cli.picked import device_in_words, layers_of, print_picked
from paretoprune.cli.registered import register
from paretoprune.cli.retrained import repeats_of, trained_longer
from paretoprune.cli.running import device_of, measure_and_print
from paretoprune.cli.terminal import make_console
from paretoprune.cli.tested import (
    repeats_before,
    tested_before,
    tested_json,
    tested_once,
    validation_accuracy,
)
from paretoprune.cli.timed import latency_in
from paretoprune.cli.views import write_views
from paretoprune.config import Settings
from paretoprune.data import preprocessing_of
from paretoprune.delivery import (
    CardFacts,
    FileFacts,
    FinalFigures,
    PickRequest,
    Repeat,
    choose,
    draft_of,
    model_card,
    write_model,
)
from paretoprune.delivery.export import check_replaceable, preprocessing_json
from paretoprune.delivery.uniform_gain import controls_of, gain_of, training_sentence
from paretoprune.errors import PickError
from paretoprune.files import read_json, write_json, write_text
from paretoprune.forms import rebuild_trial
from paretoprune.graph import FORMATS, GRAPHS, INT8_FORMATS, check_installed
from paretoprune.lineage import epochs_in_total
from paretoprune.mistakes import load_settings
from paretoprune.outline import Outline, outline
from paretoprune.prepare import counted_cost, measure
from paretoprune.pruning import Plan
from paretoprune.results import Metrics, TrialResult
from paretoprune.search import front_of
from paretoprune.sweep_folder import SweepFolder

_SAME = 1e-3  # percentage points: the same weights on the same data differ by rounding alone


def pick_and_export(path: Path, request: PickRequest, order: Order) -> None:
    """Print the front, choose, verify, test and export.

    Raises PickError if no trial of the front satisfies the request or a rebuilt model is not
    the measured one, WeightsError for damaged weights.
    """
    console = make_console()
    folder = SweepFolder(path)
    settings = load_settings(folder.read_config(), trust=order.trust)
    results = folder.read_results()
    trials = _chosen(settings, results, request)
    for name in order.formats:
        if name in GRAPHS:
            check_installed(name)
    if order.latency:
        device_of(order.latency)
    print_front(console, results, search_of(settings).objectives, path)
    bench = Bench(console, folder, outline(settings), results, order)
    if order.register and len(trials) > 1:
        numbers = ", ".join(str(trial.number) for trial in trials)
        raise PickError(f"`register` takes one model, and these were picked: {numbers}")
    for trial in trials:
        check_replaceable(bench.target(trial))
    for trial in trials:
        _deliver(bench, trial)
    if order.seeds:
        write_views(folder, folder.read_results())  # which draw their spread
    if order.latency:
        for trial in trials:
            asked = replace(order.latency, trust=settings.trust)
            measure_and_print(str(bench.target(trial)), asked)


def _chosen(
    settings: Settings, results: Sequence[TrialResult], request: PickRequest
) -> list[TrialResult]:
    objectives = search_of(settings).objectives
    return choose(
        results,
        front=front_of(results, objectives),
        dense=dense_metrics(results) or Metrics(),
        request=request,
        objectives=objectives,
    )


def _deliver(bench: Bench, trial: TrialResult) -> None:
    """One model, from the sweep's folder to a folder of its own."""
    task, folder = bench.task, bench.folder
    model = _rebuilt(task, folder, trial)
    _check_it_is_what_was_measured(task, model, trial)
    curve = trained_longer(bench, model, trial)
    if curve:
        metrics = measure(task, model, dense=(bench.dense, bench.prepared.dense_metrics))
        trial = replace(trial, metrics=metrics, curve=trial.curve + curve)
    with draft_of(bench.target(trial)) as draft:
        write_model(
            draft,
            model_state=model.state_dict(),
            plan_json=(folder.trial(trial.number) / "plan.json").read_text(encoding="utf-8"),
            groups_json=(folder.dense / "groups.json").read_text(encoding="utf-8"),
            data_json=(folder.dense / "data.json").read_text(encoding="utf-8"),
            config_yaml=folder.config.read_text(encoding="utf-8"),
        )
        preprocessing = preprocessing_json(task.info, preprocessing_of(task.data))
        write_json(draft / "preprocessing.json", preprocessing)
        files = [_timed(bench, draft, file) for file in _files(bench, draft, model)]
        tested = _tested(bench, model, draft, trial)
        repeats = repeats_of(bench, trial) or repeats_before(bench.target(trial), draft)
        facts = _facts(bench, model, trial, tested, files, repeats, extra_epochs=len(curve))
        write_json(draft / "metrics.json", _metrics(facts))
        write_text(draft / "README.md", model_card(facts))
    print_picked(bench.console, facts, bench.target(trial))
    if bench.order.register:
        register(bench, facts, name=bench.order.register)


def _rebuilt(task: Outline, folder: SweepFolder, trial: TrialResult) -> nn.Module:
    """The trial's model, from the untrained architecture, the plan and the weights."""
    plan = Plan.from_json(read_json(folder.trial(trial.number) / "plan.json"))
    weights = folder.trial(trial.number) / "model.safetensors"
    return rebuild_trial(task.model, task.groups, plan, weights).to(task.device).eval()


def _check_it_is_what_was_measured(task: Outline, model: nn.Module, trial: TrialResult) -> None:
    cost = counted_cost(task, model)
    found = {
        "params": cost.params,
        "macs": cost.macs,
        "accuracy": validation_accuracy(task, model),
    }
    for name, value in found.items():
        expected = getattr(trial.metrics, name)
        if abs(value - expected) > _SAME:
            raise PickError(
                f"the rebuilt model of trial {trial.number} is not what was measured: "
                f"{name} {value:.6g}, measured {expected:.6g}; run its trial again by removing "
                "its folder and repeating the sweep's command"
            )


def _files(bench: Bench, draft: Path, model: nn.Module) -> list[FileFacts]:
    trust = bench.task.settings.trust
    files = write_formats(draft, model, bench.inputs, formats=bench.order.formats, trust=trust)
    if "compact" in bench.order.formats:
        files.append(write_compact(bench, draft, model))
    asked = [name for name in bench.order.formats if name in INT8_FORMATS]
    return files + (write_int8(bench, draft, model, asked) if asked else [])


def _timed(bench: Bench, draft: Path, file: FileFacts) -> FileFacts:
    """The file with its time in its engine, beside the dense model's; the weights as they are."""
    settings = bench.task.settings.measure
    if file.format not in FORMATS or file.reason or not settings.latency:
        return file
    dense = bench.dense_in(file.format)
    if dense is None:
        return file
    pruned = {name: (draft / name).read_bytes() for name in FORMATS[file.format].files}
    engine = FORMATS[file.format].engine
    found = latency_in(engine, dense, pruned, bench.inputs, settings)
    return replace(
        file,
        latency_ms=found.latency_ms,
        dense_latency_ms=found.dense_latency_ms,
        speedup=found.speedup,
        time_spread=found.spread,
        contention=found.contention,
    )


def _tested(bench: Bench, model: nn.Module, draft: Path, trial: TrialResult) -> FinalFigures | None:
    """The test figures; those of an earlier pick of the same weights are kept."""
    if not bench.task.info.num_test:
        return None
    earlier = tested_before(bench.target(trial), draft)
    return earlier or tested_once(bench.task, model, bench.dense_test)


def _facts(
    bench: Bench,
    model: nn.Module,
    trial: TrialResult,
    tested: FinalFigures | None,
    files: Sequence[FileFacts],
    repeats: Sequence[Repeat],
    *,
    extra_epochs: int,
) -> CardFacts:
    task, settings = bench.task, bench.task.settings
    return CardFacts(
        sweep_name=bench.folder.path.name,
        model_name=settings.model.target.path,
        data_name=settings.data.path,
        data=task.info,
        preprocessing=preprocessing_of(task.data),
        groups=group_infos(task),
        layers=layers_of(bench.dense, model, task.example),
        trial=trial,
        dense=bench.prepared.dense_metrics,
        objectives=search_of(settings).objectives,
        num_trials=len(bench.results),
        device=device_in_words(task.device, settings.measure),
        tested=tested,
        extra_epochs=extra_epochs,
        repeats=repeats,
        files=files,
        trust=settings.trust,
        licence=bench.order.licence,
        training=_training(bench, trial, extra_epochs=extra_epochs),
    )


def _training(bench: Bench, trial: TrialResult, *, extra_epochs: int) -> str:
    """How much the model was trained in total, and its gain over uniform pruning, in words."""
    objectives = search_of(bench.task.settings).objectives
    epochs = epochs_in_total(bench.results)[trial.number] + extra_epochs
    controls = controls_of(bench.results, bench.prepared.dense_metrics, objectives)
    return training_sentence(
        epochs, gain_of(trial.metrics, epochs, controls, objectives), objectives
    )


def _metrics(facts: CardFacts) -> dict[str, Any]:
    """What `metrics.json` holds."""
    return {
        "trial": facts.trial.number,
        "seed": facts.trial.seed,
        "extra_epochs": facts.extra_epochs,
        "validation": {
            "pruned": facts.trial.metrics.measured(),
            "dense": facts.dense.measured(),
        },
        "test": tested_json(facts.tested) if facts.tested else None,
        "repeats": [asdict(repeat) for repeat in facts.repeats],
        "files": [asdict(file) for file in facts.files],
        "widths": dict(facts.trial.widths),
    }
