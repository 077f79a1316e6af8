"""Facts about a picked model, gathered for the model card and `metrics.json`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from torch import nn

from paretoprune.data import preprocessing_of
from paretoprune.lineage import epochs_in_total
from paretoprune.pick.card.model_card import CardFacts
from paretoprune.pick.card.tested import FinalFigures
from paretoprune.pick.facts import device_in_words, layers_of
from paretoprune.pick.session import PickSession, is_plain
from paretoprune.pick.test_metrics import tested_json
from paretoprune.report.uniform_gain import controls_of, gain_of, training_sentence
from paretoprune.results import TrialResult
from paretoprune.results.exported import FileFacts, Repeat
from paretoprune.sweep.baselines import search_of
from paretoprune.sweep.candidates.dimensions import group_infos


def card_facts(
    session: PickSession,
    model: nn.Module,
    trial: TrialResult,
    tested: FinalFigures | None,
    files: Sequence[FileFacts],
    repeats: Sequence[Repeat],
    *,
    extra_epochs: int,
) -> CardFacts:
    """Return the facts of the model card."""
    problem, settings = session.problem, session.settings
    return CardFacts(
        sweep_name=session.folder.name,
        model_name=problem.sources.model_name,
        data_name=problem.sources.data_name,
        data=problem.info,
        preprocessing=preprocessing_of(problem.data.module),
        groups=group_infos(problem),
        layers=layers_of(session.dense, model, problem.example),
        is_plain=is_plain(problem),
        trial=trial,
        dense=session.dense_metrics,
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
        trivial=session.trivial,
    )


def _training(session: PickSession, trial: TrialResult, *, extra_epochs: int) -> str:
    """Return a sentence: the training in total, and the gain over uniform pruning."""
    objectives = search_of(session.problem).objectives
    epochs = epochs_in_total(session.results)[trial.number] + extra_epochs
    controls = controls_of(session.results, session.dense_metrics, objectives)
    return training_sentence(
        epochs, gain_of(trial.metrics, epochs, controls, objectives), objectives
    )


def metrics_json(facts: CardFacts) -> dict[str, Any]:
    """Return the content of `metrics.json`."""
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
