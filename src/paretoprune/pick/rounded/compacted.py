"""The compact file of a picked model: written, read back by a fresh process, measured."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

from torch import nn

from paretoprune.errors import ExportError
from paretoprune.export.verify import ask_fresh_process
from paretoprune.export.write import answers_of, compared
from paretoprune.formats.compact import COMPACT_FILE
from paretoprune.pick.rounded.numerics import with_numerics
from paretoprune.pick.session import PickSession
from paretoprune.pick.test_metrics import validation_quality
from paretoprune.quantization.compact import compact_bytes, compact_state
from paretoprune.quantization.weights import RoundedModel, round_weights
from paretoprune.results.exported import FileFacts
from paretoprune.storage.atomic import write_bytes
from paretoprune.trial.context import NUM_CALIBRATION
from paretoprune.trial.numerics import numerical_errors
from paretoprune.trial.schedules.parts.steps import calibration_samples


def write_compact(session: PickSession, draft: Path, model: nn.Module) -> FileFacts:
    """Write the compact file of a model on the task's device beside its weights.

    Its weights are rounded, so that its quality is measured anew, on validation data; what a fresh
    process makes of the file must agree with the rounded model.

    Raises:
        ExportError: the file does not reproduce the rounded model.
    """
    bits = session.options.bits
    samples = calibration_samples(session.context, NUM_CALIBRATION).inputs
    return write_rounded(session, draft, model, round_weights(model, bits, samples), bits)


def write_rounded(
    session: PickSession, draft: Path, model: nn.Module, rounded: RoundedModel, bits: float
) -> FileFacts:
    """Write the compact file of rounded weights of `bits` bits on average, as `write_compact`.

    Raises:
        ExportError: the file does not reproduce the rounded model.
    """
    problem = session.problem
    content = compact_bytes(rounded, problem.example)
    write_bytes(draft / COMPACT_FILE, content)
    stored = copy.deepcopy(model).eval()
    stored.load_state_dict(compact_state(content, stored))
    answer = ask_fresh_process(
        draft,
        "compact",
        session.inputs,
        trust=problem.settings.trust,
        model=session.given_architecture,
    )
    facts = compared("compact", answer, answers_of(copy.deepcopy(stored).cpu(), session.inputs))
    if facts.reason:
        raise ExportError(f"the compact file does not reproduce the model: {facts.reason}")
    quality = validation_quality(problem.data, stored)
    facts = replace(facts, bits=bits, size_bytes=len(content), quality=quality)
    return with_numerics(facts, numerical_errors(problem, model, rounded))
