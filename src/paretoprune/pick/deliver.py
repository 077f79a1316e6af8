"""Delivery of chosen trials: each is rebuilt, verified, tested once and exported."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from torch import nn

from paretoprune.export.folder import check_replaceable, draft_of, write_model
from paretoprune.pick.card.gathered import card_facts, metrics_json
from paretoprune.pick.card.model_card import CardFacts, model_card
from paretoprune.pick.card.tested import FinalFigures, trivial_sentence
from paretoprune.pick.choice import Choice
from paretoprune.pick.files import write_description, write_files
from paretoprune.pick.quantized import made_again
from paretoprune.pick.rebuilt import check_measured, rebuilt_model
from paretoprune.pick.register import Registered, register
from paretoprune.pick.retraining import repeats_of, trained_longer
from paretoprune.pick.session import PickSession
from paretoprune.pick.test_metrics import repeats_before, tested_before, tested_once
from paretoprune.problem.problem import make_problem
from paretoprune.problem.sources import Sources
from paretoprune.report.live import write_views
from paretoprune.results import TrialResult
from paretoprune.storage.atomic import json_text, read_json, write_json, write_text
from paretoprune.storage.damage import reading
from paretoprune.trial.context import measure

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Delivered:
    """A picked model, verified, tested and exported."""

    model: nn.Module  # in eval mode, on the problem's device
    folder: Path
    facts: CardFacts
    registered: Registered | None = None


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
    """Deliver one model, from the sweep's folder to a folder of its own."""
    problem, folder = session.problem, session.folder
    model = rebuilt_model(problem, folder, trial)
    check_measured(problem, model, session.trained(trial))
    quantized = made_again(session, model, trial) if trial.quantization else None
    curve = trained_longer(session, model, trial)
    if curve:
        metrics = measure(problem, model, dense=(session.dense, session.dense_metrics))
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
        files = write_files(session, draft, model, quantized)
        write_description(session, draft, model, files)
        tested = _tested(session, quantized.model if quantized else model, draft, trial)
        repeats = repeats_of(session, trial) or repeats_before(session.target(trial), draft)
        facts = card_facts(session, model, trial, tested, files, repeats, extra_epochs=len(curve))
        write_json(draft / "metrics.json", metrics_json(facts))
        write_text(draft / "README.md", model_card(facts))
    name = session.options.register
    registered = register(session, facts, name=name) if name else None
    return Delivered(model.eval(), session.target(trial), facts, registered)


def _tested(
    session: PickSession, model: nn.Module, draft: Path, trial: TrialResult
) -> FinalFigures | None:
    """Return the test figures; those of an earlier pick of the same weights are kept."""
    problem = session.problem
    if not problem.info.num_test:
        return None
    earlier = tested_before(session.target(trial), draft)
    if earlier and not session.dense_metrics.quality.keys() <= earlier.pruned.quality.keys():
        earlier = None  # by a version that measured fewer qualities
    tested = earlier or tested_once(
        problem.data, model, session.dense_test, trivial=session.trivial
    )
    if caution := trivial_sentence(tested):
        _log.warning("trial %d: %s", trial.number, caution)
    return tested
