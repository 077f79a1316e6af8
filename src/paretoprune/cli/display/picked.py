"""What a pick tells of the model that it exported, on the console and for the card."""

from __future__ import annotations

import shlex

from rich.console import Console

from paretoprune.config.redact import redact_uri
from paretoprune.metrics import written, written_of
from paretoprune.pick.card.files import file_times
from paretoprune.pick.card.model_card import CardFacts
from paretoprune.pick.card.tested import losses, repeats_sentence
from paretoprune.pick.deliver import Delivered
from paretoprune.pick.register import Registered
from paretoprune.results import FileFacts

_SIZES = ("macs", "params", "size_bytes", "latency_ms")
_MOST_LOSSES = 3  # classes that are named


def print_picked(console: Console, delivered: Delivered) -> None:
    """Print what was exported, how good it is, and how to load it."""
    facts, target = delivered.facts, delivered.folder
    pruned, dense = facts.trial.metrics.measured(), facts.dense.measured()
    console.print(f"\ntrial {facts.trial.key}", style="bold")
    for name in _SIZES:
        if name in pruned:
            beside = f"   (dense {written_of(name, dense)})" if name in dense else ""
            console.print(f"{name:12s} {written_of(name, pruned)}{beside}")
    for line in (*_accuracy(facts), *_files(facts)):
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


def _accuracy(facts: CardFacts) -> list[str]:
    pruned, dense = (m.quality["accuracy"] for m in (facts.trial.metrics, facts.dense))
    validation, tested = f"validation {pruned:.2f} % (dense {dense:.2f} %)", facts.tested
    if tested is None:
        return [f"accuracy     {validation}; there is no test part"]
    low, high = tested.interval
    test, dense_test = (m.quality["accuracy"] for m in (tested.pruned, tested.dense))
    lines = [
        f"accuracy     {validation}, "
        f"test {test:.2f} % (dense {dense_test:.2f} %); "
        f"95 % interval of the test {low:.2f} to {high:.2f} %",
        f"agreement    {tested.comparison.agreement:.2f} % with the dense model on the test part",
    ]
    lost = [
        f"{loss.name} {loss.dense_recall:.1f} -> {loss.pruned_recall:.1f} %"
        for loss in losses(tested.comparison, facts.data)[:_MOST_LOSSES]
        if loss.pruned_recall < loss.dense_recall
    ]
    if lost:
        lines.append(f"most recall is lost for the classes {', '.join(lost)}")
    if facts.repeats:
        lines.append(repeats_sentence(facts.repeats, facts.trial.metrics))
    return lines


def _files(facts: CardFacts) -> list[str]:
    return [
        f"no {file.format}: {file.reason}" if file.reason else _file(file) for file in facts.files
    ]


def _file(file: FileFacts) -> str:
    told = f"{file.format:12s} differs from the measured model by at most {file.difference:.1e}"
    if file.bits is not None and file.size_bytes is not None:
        size = written("size_bytes", file.size_bytes)
        told = (
            f"{file.format:12s} weights in {file.bits} bits: {size}, "
            f"validation {file.accuracy:.2f} %"
        )
    if file.gain_in_words:
        told += f"; {file.latency_ms:.3g} ms, {file.gain_in_words}"
    times = file_times(file)
    return f"{told}; {times}" if times else told
