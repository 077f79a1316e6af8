"""Description of an exported model, on the console and for the card."""

from __future__ import annotations

import shlex

from rich.console import Console

from paretoprune.config.redact import redact_uri
from paretoprune.number_format import written, written_of
from paretoprune.pick.card.files import file_times
from paretoprune.pick.card.model_card import CardFacts
from paretoprune.pick.card.tested import (
    FinalFigures,
    losses,
    repeats_sentence,
    trivial_sentence,
)
from paretoprune.pick.deliver import Delivered
from paretoprune.pick.register import Registered
from paretoprune.results.exported import FileFacts

_SIZES = ("macs", "params", "size_bytes", "latency_ms")
_MOST_LOSSES = 3  # classes that are named


def print_picked(console: Console, delivered: Delivered) -> None:
    """Print the exported files, the quality, and the line that loads the model."""
    facts, target = delivered.facts, delivered.folder
    pruned, dense = facts.trial.metrics.measured(), facts.dense.measured()
    console.print(f"\ntrial {facts.trial.key}", style="bold")
    for name in _SIZES:
        if name in pruned:
            beside = f"   (dense {written_of(name, dense)})" if name in dense else ""
            console.print(f"{name:12s} {written_of(name, pruned)}{beside}")
    for line in (*_quality(facts), *_files(facts)):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    console.print(f"trial {facts.trial.key} is exported to {target}", soft_wrap=True)
    trusted = f", trust={list(facts.trust)!r}" if facts.trust else ""
    load = f"paretoprune.load_model({str(target)!r}{trusted})"
    console.print(f"load it with: {load}", markup=False, highlight=False, soft_wrap=True)
    for line in _registered(delivered.registered) if delivered.registered else ():
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _registered(model: Registered) -> list[str]:
    where, uri = f"models:/{model.name}@champion", shlex.quote(redact_uri(model.uri))
    return [
        f"{model.name} version {model.version} is in MLflow's model registry as {where}",
        f"load it with: mlflow.pyfunc.load_model('{where}')",
        f"serve it with: MLFLOW_TRACKING_URI={uri} mlflow models serve "
        f"-m {where} --env-manager local -p 5001",
    ]


def _quality(facts: CardFacts) -> list[str]:
    """The quality on validation and test data, and notes on single samples and classes."""
    name = facts.quality
    pruned, dense = (written_of(name, m.quality) for m in (facts.trial.metrics, facts.dense))
    validation, tested = f"{name:12s} validation {pruned} (dense {dense})", facts.tested
    retained = [facts.retained_in_words] if facts.retained_in_words else []
    if tested is None:
        return [f"{validation}; there is no test part", *retained]
    test, dense_test = (written_of(name, m.quality) for m in (tested.pruned, tested.dense))
    line = f"{validation}, test {test} (dense {dense_test})"
    if tested.interval and tested.quality == name:  # the interval is of the task's first quality
        low, high = (written(name, end) for end in tested.interval)
        line += f"; 95 % interval of the test {low.removesuffix(' %')} to {high}"
    lines = [line, *retained, *_by_sample(tested, facts)]
    if facts.repeats:
        lines.append(repeats_sentence(facts.repeats, facts.trial.metrics, name))
    return lines


def _by_sample(tested: FinalFigures, facts: CardFacts) -> list[str]:
    caution, comparison = trivial_sentence(tested), tested.comparison
    lines = [caution] if caution else []
    if comparison is None:
        return lines
    agreement = f"{comparison.agreement:.2f} %"
    lines.append(f"agreement    {agreement} with the dense model on the test part")
    lost = [
        f"{loss.name} {loss.dense_recall:.1f} -> {loss.pruned_recall:.1f} %"
        for loss in losses(comparison, facts.data)[:_MOST_LOSSES]
        if loss.pruned_recall < loss.dense_recall
    ]
    if lost:
        lines.append(f"most recall is lost for the classes {', '.join(lost)}")
    return lines


def _files(facts: CardFacts) -> list[str]:
    return [
        f"no {file.format}: {file.reason}" if file.reason else _file(file, facts.quality)
        for file in facts.files
    ]


def _file(file: FileFacts, quality: str) -> str:
    text = f"{file.format:12s} differs from the measured model by at most {file.difference:.1e}"
    if file.bits is not None and file.size_bytes is not None and file.quality is not None:
        size = written("size_bytes", file.size_bytes)
        text = (
            f"{file.format:12s} weights in {file.bits} bits: {size}, "
            f"validation {quality} {written(quality, file.quality)}"
        )
    if file.gain_in_words:
        text += f"; {file.latency_ms:.3g} ms, {file.gain_in_words}"
    text += "".join(f"\n             WARNING: {warning}" for warning in file.warnings)
    times = file_times(file)
    return f"{text}; {times}" if times else text
