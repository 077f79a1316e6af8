"""The compact file of a picked model: written, read back by a fresh process, measured."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

from torch import nn

from paretoprune.cli.bench import Bench
from paretoprune.cli.formats import answers_of, compared
from paretoprune.cli.tested import validation_accuracy
from paretoprune.delivery import FileFacts
from paretoprune.errors import ExportError
from paretoprune.files import write_bytes
from paretoprune.fresh import ask_fresh_process
from paretoprune.graph.compact import COMPACT_FILE
from paretoprune.quantization import compact_bytes, compact_state, round_weights
from paretoprune.schedules.steps import calibration_samples

NUM_CALIBRATION = 256  # training samples from which the rounding takes its shift


def write_compact(bench: Bench, draft: Path, model: nn.Module) -> FileFacts:
    """Write the compact file of a model on the task's device beside its weights.

    Its weights are rounded, so that its accuracy is measured anew, on validation data; what a fresh
    process makes of the file must agree with the rounded model.

    Raises:
        ExportError: the file does not give back the rounded model.
    """
    task, bits = bench.task, bench.order.bits
    rounded = round_weights(model, bits, calibration_samples(bench.prepared, NUM_CALIBRATION))
    content = compact_bytes(rounded, task.example)
    write_bytes(draft / COMPACT_FILE, content)
    stored = copy.deepcopy(model).eval()
    stored.load_state_dict(compact_state(content, stored))
    answer = ask_fresh_process(draft, "compact", bench.inputs, trust=task.settings.trust)
    facts = compared("compact", answer, answers_of(copy.deepcopy(stored).cpu(), bench.inputs))
    if facts.reason:
        raise ExportError(f"the compact file does not give back the model: {facts.reason}")
    accuracy = validation_accuracy(task, stored)
    return replace(facts, bits=bits, size_bytes=len(content), accuracy=accuracy)
