"""Trials of the front: rebuilt, proved to be what was measured, tested once and delivered."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from paretoprune.config.load import load_settings
from paretoprune.config.settings import Settings
from paretoprune.data import meanings_of, preprocessing_of
from paretoprune.errors import PickError
from paretoprune.export.described import inputs_json
from paretoprune.export.folder import check_replaceable, draft_of, preprocessing_json, write_model
from paretoprune.export.timed import latency_in
from paretoprune.export.verify import answer_of
from paretoprune.export.write import write_formats
from paretoprune.formats.int8 import INT8_FORMATS
from paretoprune.formats.registry import FORMATS, GRAPHS, check_installed
from paretoprune.lineage import epochs_in_total
from paretoprune.measure.request import device_of
from paretoprune.metrics import Direction, is_rate
from paretoprune.pick.card.model_card import CardFacts, model_card
from paretoprune.pick.card.tested import FinalFigures, trivial_sentence
from paretoprune.pick.compacted import write_compact
from paretoprune.pick.facts import device_in_words, layers_of
from paretoprune.pick.int8 import write_int8
from paretoprune.pick.quantized import check_options, made_again, write_quantized
from paretoprune.pick.register import Registered, register
from paretoprune.pick.request import ExportOptions
from paretoprune.pick.retraining import repeats_of, trained_longer
from paretoprune.pick.rules import PickRequest, choose
from paretoprune.pick.session import PickSession, is_plain
from paretoprune.pick.test_metrics import (
    repeats_before,
    tested_before,
    tested_json,
    tested_once,
    validation_quality,
)
from paretoprune.problem.forms import rebuild_trial
from paretoprune.problem.problem import Problem, make_problem
from paretoprune.problem.sources import Sources
from paretoprune.pruning.structured.plan import Plan
from paretoprune.quantization.quantizers.interface import QuantizedModel
from paretoprune.report.live import write_views
from paretoprune.report.uniform_gain import controls_of, gain_of, training_sentence
from paretoprune.results import Metrics, TrialResult
from paretoprune.results.exported import FileFacts, Repeat
from paretoprune.results.trials import models_of
from paretoprune.search.front.front import front_of
from paretoprune.storage.atomic import json_text, read_json, write_json, write_text
from paretoprune.storage.damage import reading
from paretoprune.storage.qualities import read_trivial
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.sweep.baselines import group_infos, objectives_in, search_of
from paretoprune.trial.context import counted_cost, measure

_log = logging.getLogger(__name__)

# The same weights on the same data differ by rounding alone.
_SAME = 1e-3  # percentage points, parameters and MACs
_SAME_SHARE = 1e-4  # of a quality in another unit


@dataclass(frozen=True)
class Choice:
    """The trials of a sweep that a request picks, before anything is done with them."""

    folder: SweepFolder
    settings: Settings
    results: Sequence[TrialResult]
    objectives: Mapping[str, Direction]
    trials: Sequence[TrialResult]
    options: ExportOptions


@dataclass(frozen=True)
class Delivered:
    """A picked model, verified, tested and exported."""

    model: nn.Module  # in eval mode, on the problem's device
    folder: Path
    facts: CardFacts
    registered: Registered | None = None


def choose_models(path: Path, request: PickRequest, options: ExportOptions) -> Choice:
    """Choose trials of the front of the sweep in a folder, and check that they can be exported.

    Raises PickError if no trial of the front satisfies the request or a library for a format is
    not installed.
    """
    folder = SweepFolder(path)
    settings = load_settings(folder.read_config(), trust=options.trust)
    results = folder.read_results()
    objectives, models = objectives_in(folder, settings), models_of(results)
    trials = choose(
        models,
        front=front_of(models, objectives),
        dense=next((result.metrics for result in results if result.origin == "dense"), Metrics()),
        request=request,
        objectives=objectives,
        trivial=read_trivial(folder.dense),
    )
    check_options(trials, options)
    for name in options.formats:
        if name in GRAPHS:
            check_installed(name)
    if options.latency:
        device_of(options.latency)
    if options.register and len(trials) > 1:
        numbers = ", ".join(str(trial.number) for trial in trials)
        raise PickError(f"`register` takes one model, and these were picked: {numbers}")
    return Choice(folder, settings, results, objectives, trials, options)


def deliver(
    choice: Choice,
    *,
    sources: Sources | None = None,
    on_delivered: Callable[[Delivered], None] = lambda _: None,
) -> list[Delivered]:
    """Rebuild, verify, test once and export the chosen models, each to a folder of its own.

    `sources` gives model and data, for a sweep that was given them; `on_delivered` gets each model
    as soon as it is exported.

    Raises PickError if a rebuilt model is not the measured one or a folder holds something else,
    WeightsError for damaged weights.
    """
    problem = make_problem(choice.settings, sources)
    session = PickSession(choice.folder, problem, choice.results, choice.options)
    for trial in choice.trials:
        check_replaceable(session.target(trial))
    delivered = []
    for trial in choice.trials:
        delivered.append(_deliver(session, trial))
        on_delivered(delivered[-1])
    if choice.options.seeds:
        write_views(choice.folder, choice.folder.read_results())  # which draw their spread
    return delivered


def _deliver(session: PickSession, trial: TrialResult) -> Delivered:
    """One model, from the sweep's folder to a folder of its own."""
    problem, folder = session.problem, session.folder
    model = _rebuilt(problem, folder, trial)
    _check_it_is_what_was_measured(problem, model, session.trained(trial))
    quantized = made_again(session, model, trial) if trial.quantization else None
    curve = trained_longer(session, model, trial)
    if curve:
        metrics = measure(problem, model, dense=(session.dense, session.context.dense_metrics))
        trial = replace(trial, metrics=metrics, curve=trial.curve + curve)
    with draft_of(session.target(trial)) as draft:
        with reading(folder.path):
            plan = read_json(folder.trial(trial.number) / "plan.json")
            config = folder.config.read_text(encoding="utf-8")
        write_model(
            draft,
            model_state=model.state_dict(),
            plan_json=json_text(plan),
            groups_json=json_text(problem.groups.to_json()),
            data_json=json_text(asdict(problem.info)),
            config_yaml=config,
        )
        _write_description(session, draft, model)
        files = [_timed(session, draft, file) for file in _files(session, draft, model, quantized)]
        tested = _tested(session, quantized.model if quantized else model, draft, trial)
        repeats = repeats_of(session, trial) or repeats_before(session.target(trial), draft)
        facts = _facts(session, model, trial, tested, files, repeats, extra_epochs=len(curve))
        write_json(draft / "metrics.json", _metrics(facts))
        write_text(draft / "README.md", model_card(facts))
    name = session.options.register
    registered = register(session, facts, name=name) if name else None
    return Delivered(model.eval(), session.target(trial), facts, registered)


def _rebuilt(problem: Problem, folder: SweepFolder, trial: TrialResult) -> nn.Module:
    """The trial's model, from the untrained architecture, the plan and the weights."""
    with reading(folder.path):
        plan = Plan.from_json(read_json(folder.trial(trial.number) / "plan.json"))
    weights = folder.trial(trial.number) / "model.safetensors"
    return rebuild_trial(problem.model, problem.groups, plan, weights).to(problem.device).eval()


def _check_it_is_what_was_measured(problem: Problem, model: nn.Module, trial: TrialResult) -> None:
    cost = counted_cost(problem, model)
    found = {
        "params": cost.params,
        "macs": cost.macs,
        problem.task.qualities[0].name: validation_quality(problem, model),
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


def _write_description(session: PickSession, draft: Path, model: nn.Module) -> None:
    """Write what the model takes and returns; of images, what turns them into its input, too."""
    problem = session.problem
    answer = answer_of(model, session.inputs[:2].to(problem.device))
    found = inputs_json(
        problem.info,
        answer.together,
        is_plain=is_plain(problem),
        meanings=meanings_of(problem.data),
    )
    write_json(draft / "inputs.json", found)
    if is_plain(problem):
        preprocessing = preprocessing_json(problem.info, preprocessing_of(problem.data))
        write_json(draft / "preprocessing.json", preprocessing)


def _files(
    session: PickSession, draft: Path, model: nn.Module, quantized: QuantizedModel | None
) -> list[FileFacts]:
    trust = session.problem.settings.trust
    files = write_formats(
        draft,
        model,
        session.graph_inputs,
        formats=session.options.formats,
        trust=trust,
        dense=session.given_architecture,
    )
    if quantized:
        return files + write_quantized(session, draft, model, quantized)
    if "compact" in session.options.formats:
        files.append(write_compact(session, draft, model))
    asked = [name for name in session.options.formats if name in INT8_FORMATS]
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
    tested = earlier or tested_once(
        session.problem, model, session.dense_test, trivial=session.context.trivial
    )
    if caution := trivial_sentence(tested):
        _log.warning("trial %d: %s", trial.number, caution)
    return tested


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
        model_name=problem.sources.model_name,
        data_name=problem.sources.data_name,
        data=problem.info,
        preprocessing=preprocessing_of(problem.data),
        groups=group_infos(problem),
        layers=layers_of(session.dense, model, problem.example),
        is_plain=is_plain(problem),
        trial=trial,
        dense=session.context.dense_metrics,
        objectives=search_of(problem).objectives,
        num_trials=len(session.results),
        device=device_in_words(problem.device, settings.measure),
        tested=tested,
        extra_epochs=extra_epochs,
        repeats=repeats,
        files=files,
        trust=settings.trust,
        is_given=problem.sources.is_given,
        licence=session.options.licence,
        training=_training(session, trial, extra_epochs=extra_epochs),
        trivial=session.context.trivial,
    )


def _training(session: PickSession, trial: TrialResult, *, extra_epochs: int) -> str:
    """How much the model was trained in total, and its gain over uniform pruning, in words."""
    objectives = search_of(session.problem).objectives
    epochs = epochs_in_total(session.results)[trial.number] + extra_epochs
    controls = controls_of(session.results, session.context.dense_metrics, objectives)
    return training_sentence(
        epochs, gain_of(trial.metrics, epochs, controls, objectives), objectives
    )


def _metrics(facts: CardFacts) -> dict[str, Any]:
    """What `metrics.json` holds."""
    return {
        "trial": facts.trial.number,
        "quantization": facts.trial.quantization or None,
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
