"""Trials of the front: rebuilt, proved to be what was measured, tested once and delivered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from torch import nn

from paretoprune.cli.display.front import dense_metrics, print_front
from paretoprune.cli.display.picked import print_picked
from paretoprune.cli.display.terminal import make_console
from paretoprune.cli.running import measure_and_print
from paretoprune.config.load import load_settings
from paretoprune.config.settings import Settings
from paretoprune.data import preprocessing_of
from paretoprune.errors import PickError
from paretoprune.export.folder import check_replaceable, draft_of, preprocessing_json, write_model
from paretoprune.export.timed import latency_in
from paretoprune.export.write import write_formats
from paretoprune.formats.int8 import INT8_FORMATS
from paretoprune.formats.registry import FORMATS, GRAPHS, check_installed
from paretoprune.lineage import epochs_in_total
from paretoprune.measure.request import device_of
from paretoprune.pick.card.model_card import CardFacts, model_card
from paretoprune.pick.card.tested import FinalFigures
from paretoprune.pick.compacted import write_compact
from paretoprune.pick.facts import device_in_words, layers_of
from paretoprune.pick.int8 import write_int8
from paretoprune.pick.register import register
from paretoprune.pick.request import ExportOptions
from paretoprune.pick.retraining import repeats_of, trained_longer
from paretoprune.pick.rules import PickRequest, choose
from paretoprune.pick.session import PickSession
from paretoprune.pick.test_metrics import (
    repeats_before,
    tested_before,
    tested_json,
    tested_once,
    validation_accuracy,
)
from paretoprune.problem.forms import rebuild_trial
from paretoprune.problem.problem import Problem, make_problem
from paretoprune.pruning.structured.plan import Plan
from paretoprune.report.live import write_views
from paretoprune.report.uniform_gain import controls_of, gain_of, training_sentence
from paretoprune.results import FileFacts, Metrics, Repeat, TrialResult
from paretoprune.search.front.front import front_of
from paretoprune.storage.atomic import read_json, write_json, write_text
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.sweep.baselines import group_infos, search_settings
from paretoprune.trial.context import counted_cost, measure

_SAME = 1e-3  # percentage points: the same weights on the same data differ by rounding alone


def pick_and_export(path: Path, request: PickRequest, order: ExportOptions) -> None:
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
    print_front(console, results, search_settings(settings).objectives, path)
    session = PickSession(console, folder, make_problem(settings), results, order)
    if order.register and len(trials) > 1:
        numbers = ", ".join(str(trial.number) for trial in trials)
        raise PickError(f"`register` takes one model, and these were picked: {numbers}")
    for trial in trials:
        check_replaceable(session.target(trial))
    for trial in trials:
        _deliver(session, trial)
    if order.seeds:
        write_views(folder, folder.read_results())  # which draw their spread
    if order.latency:
        for trial in trials:
            asked = replace(order.latency, trust=settings.trust)
            measure_and_print(str(session.target(trial)), asked)


def _chosen(
    settings: Settings, results: Sequence[TrialResult], request: PickRequest
) -> list[TrialResult]:
    objectives = search_settings(settings).objectives
    return choose(
        results,
        front=front_of(results, objectives),
        dense=dense_metrics(results) or Metrics(),
        request=request,
        objectives=objectives,
    )


def _deliver(session: PickSession, trial: TrialResult) -> None:
    """One model, from the sweep's folder to a folder of its own."""
    problem, folder = session.problem, session.folder
    model = _rebuilt(problem, folder, trial)
    _check_it_is_what_was_measured(problem, model, trial)
    curve = trained_longer(session, model, trial)
    if curve:
        metrics = measure(problem, model, dense=(session.dense, session.context.dense_metrics))
        trial = replace(trial, metrics=metrics, curve=trial.curve + curve)
    with draft_of(session.target(trial)) as draft:
        write_model(
            draft,
            model_state=model.state_dict(),
            plan_json=(folder.trial(trial.number) / "plan.json").read_text(encoding="utf-8"),
            groups_json=(folder.dense / "groups.json").read_text(encoding="utf-8"),
            data_json=(folder.dense / "data.json").read_text(encoding="utf-8"),
            config_yaml=folder.config.read_text(encoding="utf-8"),
        )
        preprocessing = preprocessing_json(problem.info, preprocessing_of(problem.data))
        write_json(draft / "preprocessing.json", preprocessing)
        files = [_timed(session, draft, file) for file in _files(session, draft, model)]
        tested = _tested(session, model, draft, trial)
        repeats = repeats_of(session, trial) or repeats_before(session.target(trial), draft)
        facts = _facts(session, model, trial, tested, files, repeats, extra_epochs=len(curve))
        write_json(draft / "metrics.json", _metrics(facts))
        write_text(draft / "README.md", model_card(facts))
    print_picked(session.console, facts, session.target(trial))
    if session.order.register:
        register(session, facts, name=session.order.register)


def _rebuilt(problem: Problem, folder: SweepFolder, trial: TrialResult) -> nn.Module:
    """The trial's model, from the untrained architecture, the plan and the weights."""
    plan = Plan.from_json(read_json(folder.trial(trial.number) / "plan.json"))
    weights = folder.trial(trial.number) / "model.safetensors"
    return rebuild_trial(problem.model, problem.groups, plan, weights).to(problem.device).eval()


def _check_it_is_what_was_measured(problem: Problem, model: nn.Module, trial: TrialResult) -> None:
    cost = counted_cost(problem, model)
    found = {
        "params": cost.params,
        "macs": cost.macs,
        "accuracy": validation_accuracy(problem, model),
    }
    for name, value in found.items():
        expected = getattr(trial.metrics, name)
        if abs(value - expected) > _SAME:
            raise PickError(
                f"the rebuilt model of trial {trial.number} is not what was measured: "
                f"{name} {value:.6g}, measured {expected:.6g}; run its trial again by removing "
                "its folder and repeating the sweep's command"
            )


def _files(session: PickSession, draft: Path, model: nn.Module) -> list[FileFacts]:
    trust = session.problem.settings.trust
    files = write_formats(draft, model, session.inputs, formats=session.order.formats, trust=trust)
    if "compact" in session.order.formats:
        files.append(write_compact(session, draft, model))
    asked = [name for name in session.order.formats if name in INT8_FORMATS]
    return files + (write_int8(session, draft, model, asked) if asked else [])


def _timed(session: PickSession, draft: Path, file: FileFacts) -> FileFacts:
    """The file with its time in its engine, beside the dense model's; the weights as they are."""
    settings = session.problem.settings.measure
    if file.format not in FORMATS or file.reason or not settings.latency:
        return file
    dense = session.dense_in(file.format)
    if dense is None:
        return file
    pruned = {name: (draft / name).read_bytes() for name in FORMATS[file.format].files}
    engine = FORMATS[file.format].engine
    found = latency_in(engine, dense, pruned, session.inputs, settings)
    return replace(
        file,
        latency_ms=found.latency_ms,
        dense_latency_ms=found.dense_latency_ms,
        speedup=found.speedup,
        time_spread=found.spread,
        contention=found.contention,
    )


def _tested(
    session: PickSession, model: nn.Module, draft: Path, trial: TrialResult
) -> FinalFigures | None:
    """The test figures; those of an earlier pick of the same weights are kept."""
    if not session.problem.info.num_test:
        return None
    earlier = tested_before(session.target(trial), draft)
    return earlier or tested_once(session.problem, model, session.dense_test)


def _facts(
    session: PickSession,
    model: nn.Module,
    trial: TrialResult,
    tested: FinalFigures | None,
    files: Sequence[FileFacts],
    repeats: Sequence[Repeat],
    *,
    extra_epochs: int,
) -> CardFacts:
    problem, settings = session.problem, session.problem.settings
    return CardFacts(
        sweep_name=session.folder.path.name,
        model_name=settings.model.target.path,
        data_name=settings.data.path,
        data=problem.info,
        preprocessing=preprocessing_of(problem.data),
        groups=group_infos(problem),
        layers=layers_of(session.dense, model, problem.example),
        trial=trial,
        dense=session.context.dense_metrics,
        objectives=search_settings(settings).objectives,
        num_trials=len(session.results),
        device=device_in_words(problem.device, settings.measure),
        tested=tested,
        extra_epochs=extra_epochs,
        repeats=repeats,
        files=files,
        trust=settings.trust,
        licence=session.order.licence,
        training=_training(session, trial, extra_epochs=extra_epochs),
    )


def _training(session: PickSession, trial: TrialResult, *, extra_epochs: int) -> str:
    """How much the model was trained in total, and its gain over uniform pruning, in words."""
    objectives = search_settings(session.problem.settings).objectives
    epochs = epochs_in_total(session.results)[trial.number] + extra_epochs
    controls = controls_of(session.results, session.context.dense_metrics, objectives)
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
